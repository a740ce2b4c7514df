package gatewayapi

import (
	"strconv"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// parentKey identifies a parent with all defaults filled in, so that references that a user wrote
// and ones that a controller copied compare equal.
type parentKey struct {
	group, kind, namespace, name, section string
	port                                  int64
}

// in fills in the namespace of the route.
func (k parentKey) in(namespace string) parentKey {
	if k.namespace == "" {
		k.namespace = namespace
	}
	return k
}

// String is how people know the parent.
func (k parentKey) String() string {
	out := k.kind + " " + k.namespace + "/" + k.name
	if k.section != "" {
		out += " section " + k.section
	}
	if k.port != 0 {
		out += " port " + strconv.FormatInt(k.port, 10)
	}
	return out
}

func keyOfRef(ref v1beta1.ParentReference) parentKey {
	key := parentKey{
		group: group, kind: kindGateway,
		namespace: ref.Namespace, name: ref.Name, section: ref.SectionName, port: int64(ref.Port),
	}
	// An absent group is the default; an empty one is the core group, that of a Service.
	if ref.Group != nil {
		key.group = *ref.Group
	}
	if ref.Kind != "" {
		key.kind = ref.Kind
	}
	return key
}

func keyOfLive(ref map[string]any) parentKey {
	port, _ := routing.Integer(ref["port"])
	key := parentKey{
		group:     group,
		kind:      stringOr(ref["kind"], kindGateway),
		namespace: stringOr(ref["namespace"], ""),
		name:      stringOr(ref["name"], ""),
		section:   stringOr(ref["sectionName"], ""),
		port:      port,
	}
	if g, ok := ref["group"].(string); ok {
		key.group = g
	}
	return key
}
