package upgrade

import (
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
	"github.com/kubectl-canary/kubectl-canary/plugin/installer"
	"github.com/kubectl-canary/kubectl-canary/plugin/manifest"
)

func in(namespace string) controllers.Controller {
	return controllers.Controller{Namespace: namespace, Name: manifest.AgentName}
}

// TestChoose finds the agent that is meant, or says why there is none.
func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name, asked string
		found       installer.Survey
		want        string // the namespace, or a part of the error
	}{
		{"nobody", "", installer.Survey{}, "use kubectl canary install"},
		{"nobody to be seen", "", installer.Survey{Partial: true}, "name the agent's with -n"},
		{"the only one", "", installer.Survey{Agents: []controllers.Controller{in("ops")}}, "ops"},
		{"several", "", installer.Survey{Agents: []controllers.Controller{in("ops"), in("shop")}}, "name one with -n: ops, shop"},
		{"one of several", "shop", installer.Survey{Agents: []controllers.Controller{in("ops"), in("shop")}}, "shop"},
		{"elsewhere", "web", installer.Survey{Agents: []controllers.Controller{in("ops")}}, "but there is one in ops"},
	} {
		d, err := (&Options{Namespace: c.asked}).choose(c.found)
		if err != nil && !strings.Contains(err.Error(), c.want) || err == nil && d.Namespace != c.want {
			t.Errorf("%s: %v, %v; want %q", c.name, d, err, c.want)
		}
	}
}

// TestImage keeps the repository, and says so when it cannot tell the tag.
func TestImage(t *testing.T) {
	for image, want := range map[string]string{
		"example.com/agent:v1.2.3": "example.com/agent:v1.3.0",
		"example.com/agent:main":   "example.com/agent:main",
		"example.com/agent:v0.9.0": "example.com/agent:v1.3.0",
	} {
		var said strings.Builder
		o := &Options{}
		o.Build.Version = "v1.3.0"
		session := &installer.Session{}
		session.Streams.ErrOut = &said
		settings := manifest.Settings{Image: image}
		if err := o.image(session, &settings); err != nil || settings.Image != want || (said.Len() > 0) != (image == want) {
			t.Errorf("%s became %s, %v, %q", image, settings.Image, err, said.String())
		}
	}
}
