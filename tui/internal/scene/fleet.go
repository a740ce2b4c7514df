package scene

import (
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

var (
	services = []string{
		"checkout", "payments", "search", "cart", "catalog", "recommendations", "inventory", "shipping",
		"login", "profile", "notifications", "gateway", "pricing", "orders", "reviews", "image-resizer",
		"ledger", "invoices", "sessions", "web", "feed", "ranking", "geocoder", "ad-selector",
		"subscription-billing", "audit", "thumbnails", "translations", "loyalty", "returns",
	}
	teams = []string{"shop", "billing", "identity", "media", "logistics", "discovery", "platform"}
	rings = []string{"prod", "staging", "edge", "eu", "us"}
)

// Fleet makes n canaries of several namespaces, the same ones each time. The first twenty-four are in
// all kinds of states; of the others most are at rest, as in a cluster.
func Fleet(n int) []view.Canary {
	out := make([]view.Canary, n)
	for i := range out {
		c := Of(fleetState(i))
		vary(&c, i)
		round := i / len(services)
		name := services[i%len(services)]
		if k := round / (len(teams) * len(rings)); k > 0 {
			name = fmt.Sprintf("%s-%d", name, k+1)
		}
		// The ring goes on more slowly than the team, so that a few canaries have few namespaces.
		where := i + round
		namespace := teams[where%len(teams)] + "-" + rings[where/len(teams)%len(rings)]
		rename(&c, namespace, name)
		c.UID = fmt.Sprintf("%08x-0000-4000-8000-%012x", i*2654435761&0xffffffff, i)
		c.Created = Epoch.Add(-time.Duration(i*i%977+1) * 11 * time.Hour / 3)
		c.Pods, c.Events = nil, nil
		out[i] = c
	}
	return out
}

func fleetState(i int) string {
	mixed := []string{
		"progressing", "succeeded", "gated", "progressing", "failed", "succeeded", "abtesting", "failing",
		"succeeded", "promoting", "new", "paused", "bluegreen", "progressing", "nodata", "suspended",
		"initialized", "restored", "slow", "foreign", "waiting", "rollback", "succeeded", "stalled",
	}
	if i < len(mixed) {
		return mixed[i]
	}
	switch {
	case i%17 == 3:
		return "progressing"
	case i%61 == 5:
		return "failing"
	case i%71 == 6:
		return "slow"
	case i%53 == 7:
		return "failed"
	case i%89 == 8:
		return "gated"
	case i%97 == 9:
		return "suspended"
	case i%3 == 0:
		return "initialized"
	}
	return "succeeded"
}

// vary makes the states that [Of] does not know, and puts runs into different steps.
func vary(c *view.Canary, i int) {
	step, held := 1+i*7%9, time.Duration(1+i*11%28)*time.Second
	switch fleetState(i) {
	case "progressing":
		*c = base()
		run(c, step, held)
		c.FailedChecks, c.Run.FailedChecks = 0, 0
		pass(c)
	case "failing":
		*c = base()
		run(c, max(2, step), held)
		c.FailedChecks, c.Run.FailedChecks = 3, 3
		samples := c.Metrics[0].Samples
		for j := range samples[max(0, len(samples)-3):] {
			s := &samples[len(samples)-1-j]
			s.Value, s.Verdict = new(round(98.7-0.3*float64(i%4)-0.11*float64(j))), "Fail"
		}
		newest(c)
	case "slow":
		*c = base()
		run(c, max(3, step), held)
		pass(c)
		c.FailedChecks = 0
		for j := range c.Metrics[1].Samples {
			s := &c.Metrics[1].Samples[j]
			s.Value = new(min(492, 300+round(float64(180*j/len(c.Metrics[1].Samples)))+float64(j*j%23)))
		}
		newest(c)
	case "suspended":
		c.Suspended, c.Health, c.Phase = true, view.HealthSuspended, "Succeeded"
		c.NextAction = "nothing happens while spec.suspend is true"
	case "initialized":
		c.Phase, c.Health = "Initialized", view.HealthHealthy
		c.NextAction = "a run begins with the next revision of Deployment app"
	case "new":
		c.NextAction = "a controller takes the canary up; none has yet"
	case "stalled":
		c.Phase, c.Health = "Initializing", view.HealthStalled
		c.Conditions = []view.Condition{{
			Type: "Stalled", Status: "True", Reason: "TargetNotFound", Message: "Deployment app does not exist",
		}}
		c.NextAction = "nothing happens until what it is stalled by is corrected"
	}
}

// pass makes a run without a failed check.
func pass(c *view.Canary) {
	for i := range c.Metrics {
		for j := range c.Metrics[i].Samples {
			if s := &c.Metrics[i].Samples[j]; s.Verdict == "Fail" {
				s.Value, s.Verdict = new(99.4), "Pass"
			}
		}
	}
	newest(c)
}

// rename gives the canary of the other scenes another name, in its sentences too.
func rename(c *view.Canary, namespace, name string) {
	words := strings.NewReplacer(
		"app.test", name+"."+namespace, "app-primary", name+"-primary",
		"Deployment app", "Deployment "+name, "approve app ", "approve "+name+" ",
	)
	c.Name, c.Namespace, c.Target.Name = name, namespace, name
	c.Message, c.NextAction = words.Replace(c.Message), words.Replace(c.NextAction)
	for i := range c.Conditions {
		c.Conditions[i].Message = words.Replace(c.Conditions[i].Message)
	}
	for i, image := range c.Images.Target {
		c.Images.Target[i] = strings.Replace(image, "stefanprodan/podinfo", "example/"+name, 1)
	}
	for i, image := range c.Images.Primary {
		c.Images.Primary[i] = strings.Replace(image, "stefanprodan/podinfo", "example/"+name, 1)
	}
}
