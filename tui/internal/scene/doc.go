// Package scene makes up canaries in the states a screen has to show. Tests draw them, and so does
// the preview program; nothing in them comes from a cluster.
package scene
