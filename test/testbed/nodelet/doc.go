// Package nodelet is a small kubelet: it runs pods as ordinary local processes.
//
// A simulated kubelet (kwok) makes a pod Ready because a file says so. That is
// worth little to a project whose whole subject is whether a new version
// answers. Here every container is a process that listens on its pod's own IP
// address, and Ready means that a probe got an answer from it.
//
// # How a pod becomes a process
//
// Nodelet watches pods. One without a node is bound to the nodelet's only node,
// so no scheduler is needed. For one that is bound it takes an IP address out of
// the pod CIDR (every address of it has to be local, see the testbed's network
// namespace), writes the volumes to disk, and starts the program that
// Config.Programs gives for the container's image. Several pods listen on the
// same port, each on its own address; programs learn theirs from POD_IP and
// BIND_ADDRESS.
//
// There is no image, hence no file system of its own: the process sees the
// machine's files. Only what a pod expects of Kubernetes is put over them, in a
// mount namespace of its own: the volumes at their mount paths, an empty /run
// (and so /var/run, where the service account token belongs) and a resolv.conf
// that points to the cluster's DNS. The nodelet starts the current binary again
// to do so; that is why PodInit has to be the first call of every program
// that uses this package:
//
//	func main() {
//		nodelet.PodInit()
//		...
//
// # What it leaves out
//
// Resource limits, users, images' files, exec, attach, port-forward, gRPC probes
// and persistent volumes. The node's processes share one network namespace, so
// localhost of a pod is localhost of all.
//
// The client should not be rate limited (rest.Config.QPS = -1): a node that
// starts 300 pods makes 1,500 requests.
package nodelet
