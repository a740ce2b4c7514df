package view

import "github.com/kubectl-canary/kubectl-canary/api/v1beta1"

// hooks lists the webhooks of the spec with what the run knows of them.
func hooks(c *v1beta1.Canary) []Hook {
	var out []Hook
	for _, spec := range c.GetAnalysis().Webhooks {
		h := Hook{Name: spec.Name, Type: string(spec.Type)}
		if h.Type == "" {
			h.Type = string(v1beta1.HookRollout)
		}
		if c.Status.Run != nil {
			for _, have := range c.Status.Run.Hooks {
				if have.Name == h.Type+"/"+h.Name {
					h.State, h.Attempts = string(have.State), max(0, have.Attempts)
					h.LastTime, h.Message = have.LastTime.Time, have.Message
				}
			}
		}
		out = append(out, h)
	}
	return out
}

// hookOf names the first hook of a type, for sentences; empty when there is none.
func (c Canary) hookOf(kind v1beta1.HookType) string {
	for _, h := range c.Hooks {
		if h.Type == string(kind) {
			return h.Name
		}
	}
	return ""
}
