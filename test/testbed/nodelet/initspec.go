package nodelet

const (
	// initEnv names the file that says what a re-executed binary has to become.
	initEnv = "KUBECTL_CANARY_NODELET_INIT"
	// reportFD is a pipe to the nodelet. It closes when the program takes over;
	// an error message comes through it when that failed.
	reportFD = 3
)

// initSpec is what PodInit does. The nodelet writes it as JSON.
type initSpec struct {
	Join     int // join the namespaces of this process instead of preparing new ones
	Hostname string
	WorkDir  string
	Path     string
	Args     []string
	Env      []string
	Mounts   []bindMount
}

// bindMount puts a file or directory at a path inside the pod.
type bindMount struct{ Source, Target string }
