// Package ext stands in for Traefik's extension point of the same name.
//
// Traefik embeds two empty structs from a nested module that its published
// module archive cannot contain, so a build from the module alone has to bring
// them. They carry no fields here, exactly as in an unextended Traefik.
package ext

// HTTP is embedded in Traefik's HTTP configuration.
type HTTP struct{}

// DeepCopyInto copies the (empty) extension.
func (in *HTTP) DeepCopyInto(out *HTTP) { *out = *in }

// Router is embedded in Traefik's router configuration.
type Router struct{}

// DeepCopyInto copies the (empty) extension.
func (in *Router) DeepCopyInto(out *Router) { *out = *in }
