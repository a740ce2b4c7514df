package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
)

// byTool makes one check of the claims of each Application, Kustomization or release.
func byTool(title string, claims []claim) []Check {
	var out []Check
	type key struct {
		tool  tool
		owner string
	}
	groups := map[key][]claim{}
	var order []key
	for _, c := range claims {
		k := key{c.tool, c.owner}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], c)
	}
	for _, k := range order {
		var fields, objects []string
		for _, c := range groups[k] {
			fields = append(fields, fmt.Sprintf("%s of %s %s/%s", strings.Join(c.pointers, " and "), c.part.kind, c.part.namespace, c.part.name))
			if !slices.Contains(objects, c.canary.key) {
				objects = append(objects, c.canary.key)
			}
		}
		out = append(out, Check{Status: Warn, Title: title, Objects: objects, Fix: fixFor(k.tool, k.owner, groups[k]),
			Detail: fmt.Sprintf("%s (field manager %s) writes %s, which the agent writes as well: the two undo each other's work", k.tool, groups[k][0].manager, some(fields))})
	}
	return out
}

// fixFor is what to add where the tool is told what to do.
func fixFor(t tool, owner string, claims []claim) string {
	var b strings.Builder
	switch t {
	case argo:
		fmt.Fprintf(&b, "Add to %s:\nspec:\n  ignoreDifferences:\n", owner)
		for _, c := range claims {
			b.WriteString("  - ")
			if c.group != "" {
				fmt.Fprintf(&b, "group: %s\n    ", c.group)
			}
			fmt.Fprintf(&b, "kind: %s\n    name: %s\n    namespace: %s\n    jsonPointers:\n", c.part.kind, c.part.name, c.part.namespace)
			for _, pointer := range c.pointers {
				fmt.Fprintf(&b, "    - %s\n", pointer)
			}
			fmt.Fprintf(&b, "    managedFieldsManagers:\n    - %s\n", controllers.AgentName)
		}
		b.WriteString("  syncPolicy:\n    syncOptions:\n    - RespectIgnoreDifferences=true\n")
		b.WriteString("Without the last line the fields are not shown as different, but still written at each sync.")
	case flux:
		fmt.Fprintf(&b, "Best, leave the fields out of the manifests. Or add to %s:\nspec:\n  patches:\n", owner)
		for _, c := range claims {
			b.WriteString(target(c, "  ") + "    patch: |\n")
			for _, pointer := range c.pointers {
				fmt.Fprintf(&b, "      - op: remove\n        path: %s\n", pointer)
			}
		}
		b.WriteString("Newer versions of Flux, whose Kustomization has spec.ignore, take this instead:\nspec:\n  ignore:\n")
		b.WriteString(ignores(claims, "  "))
	case fluxHelm:
		fmt.Fprintf(&b, "Leave the fields out of the chart, since each upgrade writes them. Against drift detection, add to %s:\nspec:\n  driftDetection:\n    ignore:\n", owner)
		b.WriteString(ignores(claims, "    "))
	case helm, noTool:
		fmt.Fprintf(&b, "Leave these out of %s, since each upgrade writes them:\n", owner)
		for _, c := range claims {
			fmt.Fprintf(&b, "%s of %s %s\n", strings.Join(c.pointers, " and "), c.part.kind, c.part.name)
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

func ignores(claims []claim, indent string) string {
	var b strings.Builder
	for _, c := range claims {
		fmt.Fprintf(&b, "%s- paths:\n", indent)
		for _, pointer := range c.pointers {
			fmt.Fprintf(&b, "%s  - %s\n", indent, pointer)
		}
		b.WriteString(strings.Replace(target(c, indent), "- target", "  target", 1))
	}
	return b.String()
}

// target selects one object, as kustomize does.
func target(c claim, indent string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s- target:\n", indent)
	for _, line := range [][2]string{{"group", c.group}, {"kind", c.part.kind}, {"name", c.part.name}, {"namespace", c.part.namespace}} {
		if line[1] != "" {
			fmt.Fprintf(&b, "%s    %s: %s\n", indent, line[0], line[1])
		}
	}
	return b.String()
}
