package nodelet

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"k8s.io/client-go/kubernetes"
)

// Config says which node to be and what to run on it. The first group has to be
// given; the zero value of the second means the default that is named.
type Config struct {
	// Client talks to the API server with the rights of a node and a scheduler
	// (the testbed uses an administrator).
	Client kubernetes.Interface
	// NodeName is the name of the Node object, which Run creates if it is missing.
	NodeName string
	// NodeIP is the node's address. The kubelet API listens on its port 10250.
	NodeIP string
	// PodCIDR is the range that pod IPs come from. Every address has to be
	// bindable on this machine.
	PodCIDR netip.Prefix
	// Dir holds volumes and logs. Logs stay there after their pod is gone.
	Dir string
	// Programs maps images to local programs. A key is an image reference, as in
	// "tkubica/web:python-1", or a repository with any tag, as in "tkubica/web:*".
	// The exact one wins. An image that has no entry cannot be pulled.
	Programs map[string]Program
	// Log is where the nodelet says what it does. Default: nowhere.
	Log *slog.Logger

	// ClusterDNS is the name server of the pods' resolv.conf. Default 10.96.0.10.
	ClusterDNS string
	// APIServerIP is the ClusterIP of the kubernetes Service, which in-cluster
	// clients connect to. Default 10.96.0.1.
	APIServerIP string
	// KubeletPort is the port of the kubelet API. Default 10250.
	KubeletPort int
	// RestartBackOff is the first pause before a container that failed twice is
	// started again; it doubles up to thirty times its length. Default 10 s, as in
	// a real kubelet.
	RestartBackOff time.Duration
}

// Program is the local stand-in for an image.
type Program struct {
	// Path is the executable, the image's entry point. It replaces the first word
	// of the container's command, if there is one.
	Path string
	// Args come before the rest of the container's command and its args.
	// $(NAME) is replaced by the container's variable of that name.
	Args []string
	// Env is set unless the container sets the same name. $(NAME) is replaced.
	Env map[string]string
	// Commands are further executables that the image is said to contain, by
	// name, for exec probes, hooks and container commands. The first word of a
	// command is looked up here by its last path element. What is not found
	// is run as it is.
	Commands map[string]string
}

func (c *Config) complete() error {
	if c.Client == nil {
		return errors.New("nodelet: Config.Client is nil: give it a clientset for the test cluster")
	}
	if c.NodeName == "" {
		return errors.New("nodelet: Config.NodeName is empty")
	}
	if _, err := netip.ParseAddr(c.NodeIP); err != nil {
		return fmt.Errorf("nodelet: Config.NodeIP %q is no IP address: %w", c.NodeIP, err)
	}
	if !c.PodCIDR.IsValid() || !c.PodCIDR.Addr().Is4() {
		return fmt.Errorf("nodelet: Config.PodCIDR %v is no IPv4 range", c.PodCIDR)
	}
	if c.Dir == "" {
		return errors.New("nodelet: Config.Dir is empty: name a directory for volumes and logs")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.ClusterDNS == "" {
		c.ClusterDNS = "10.96.0.10"
	}
	if c.APIServerIP == "" {
		c.APIServerIP = "10.96.0.1"
	}
	if c.KubeletPort == 0 {
		c.KubeletPort = 10250
	}
	if c.RestartBackOff == 0 {
		c.RestartBackOff = 10 * time.Second
	}
	return nil
}
