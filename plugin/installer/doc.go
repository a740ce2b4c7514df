// Package installer puts objects of an installation into a cluster, waits until they work, and takes
// them out again. Whatever it does can be done again: after a crash in the middle the next run goes on.
package installer
