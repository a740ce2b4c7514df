// Package inspect reads the texts that the terminal UI shows about one canary: its manifest, the
// events around it, and the logs of its pods and of the agent. All of them are kept current, with the
// rights of the user, until nobody looks any more.
package inspect
