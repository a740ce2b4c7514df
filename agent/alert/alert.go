package alert

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Alert is one thing to tell about a canary.
type Alert struct {
	// Severity decides who gets the alert. Empty is info.
	Severity v1beta1.AlertSeverity
	// Name of the Canary; Sender.Send fills it in.
	Name string
	// Namespace of the Canary; Sender.Send fills it in.
	Namespace string
	// Message is plain text: markup in it is shown, not obeyed.
	Message string
	// Fields are shown below the message, in order. Sender.Fields makes those of an alert that
	// introduces a run; the others have none but the cluster, which Sender.Send adds.
	Fields []Field
}

// Field is one titled value of an alert, both plain text.
type Field struct {
	// Title of the value.
	Title string
	// Value in words.
	Value string
}

// clusterTitle is the title of the field that is always first.
const clusterTitle = "Cluster"

// subject is the canary as alerts name it.
func (a Alert) subject() string { return a.Name + "." + a.Namespace }

// inCluster puts the name of the cluster first, unless there is none or it is there already.
func (a Alert) inCluster(name string) Alert {
	if name == "" || len(a.Fields) > 0 && a.Fields[0].Title == clusterTitle {
		return a
	}
	// A new slice: the caller's may be shared.
	a.Fields = append([]Field{{clusterTitle, name}}, a.Fields...)
	return a
}

// Fields says what a canary is about to do: the cluster, unless it has no name, the target, when a
// run is given up, and how traffic is moved. The provider is the traffic provider of canaries that
// name none.
func Fields(c *v1beta1.Canary, provider, cluster string) []Field {
	target := c.Spec.TargetRef
	return Alert{Fields: []Field{
		{"Target", target.Kind + "/" + target.Name + "." + c.Namespace},
		{"Failed checks threshold", strconv.Itoa(int(c.Threshold()))},
		{"Progress deadline", strconv.Itoa(int(c.ProgressDeadline().Seconds())) + "s"},
		{"Traffic routing", routing(c, provider)},
	}}.inCluster(cluster).Fields
}

func routing(c *v1beta1.Canary, provider string) string {
	switch c.StrategyFor(c.ProviderOr(provider)) {
	case v1beta1.StrategyABTesting:
		return "A/B Testing"
	case v1beta1.StrategyBlueGreen:
		return "Blue/Green"
	case v1beta1.StrategyCanary:
	}
	a := c.GetAnalysis()
	if len(a.Steps) == 0 && len(a.StepWeights) == 0 {
		return fmt.Sprintf("Weight step: %d max: %d", a.StepWeight, c.MaxWeight())
	}
	var weights []string
	for _, s := range a.Steps {
		weights = append(weights, strconv.Itoa(int(s.Weight)))
	}
	if len(weights) == 0 {
		for _, w := range a.StepWeights {
			weights = append(weights, strconv.Itoa(int(w)))
		}
	}
	return fmt.Sprintf("Weight steps: %s max: %d", strings.Join(weights, ","), c.MaxWeight())
}

// Reaches says whether an alert of a severity is sent to somebody who wants at least another one.
// An empty severity, on either side, is info: whoever leaves it out gets everything.
func Reaches(severity, least v1beta1.AlertSeverity) bool { return rank(severity) >= rank(least) }

func rank(s v1beta1.AlertSeverity) int {
	switch s {
	case v1beta1.SeverityError:
		return 2
	case v1beta1.SeverityWarn:
		return 1
	case v1beta1.SeverityInfo:
	}
	return 0
}
