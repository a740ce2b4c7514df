package nodelet

import (
	"context"
	"fmt"
	"runtime"
	"time"

	coordv1 "k8s.io/api/coordination/v1"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// The node counts as alive while its Lease is younger than 40 s.
	leaseSeconds  = 40
	leaseInterval = 10 * time.Second
	// registerTime bounds the wait for an API server that is still starting.
	registerTime = 30 * time.Second
)

// capacity is generous: the tests are about rollouts, not about scheduling.
func capacity() v1.ResourceList {
	return v1.ResourceList{
		v1.ResourceCPU:              resource.MustParse("64"),
		v1.ResourceMemory:           resource.MustParse("256Gi"),
		v1.ResourceEphemeralStorage: resource.MustParse("1Ti"),
		v1.ResourcePods:             resource.MustParse("5000"),
	}
}

// register creates the Node or takes it over, and makes it Ready.
func (n *Nodelet) register(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, registerTime)
	defer cancel()
	nodes := n.cfg.Client.CoreV1().Nodes()
	node := &v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.cfg.NodeName, Labels: n.nodeLabels()},
		Spec:       v1.NodeSpec{PodCIDR: n.cfg.PodCIDR.String(), PodCIDRs: []string{n.cfg.PodCIDR.String()}},
	}
	err := retry(ctx, func() error {
		current, err := nodes.Create(ctx, node, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			current, err = nodes.Get(ctx, n.cfg.NodeName, metav1.GetOptions{})
		}
		if err != nil {
			return err
		}
		current.Status = n.nodeStatus()
		_, err = nodes.UpdateStatus(ctx, current, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("nodelet: register node %s: %w", n.cfg.NodeName, err)
	}
	if err := retry(ctx, func() error { return n.renewLease(ctx) }); err != nil {
		return fmt.Errorf("nodelet: create lease of node %s: %w", n.cfg.NodeName, err)
	}
	return nil
}

func (n *Nodelet) nodeLabels() map[string]string {
	return map[string]string{
		v1.LabelHostname:   n.cfg.NodeName,
		v1.LabelOSStable:   "linux",
		v1.LabelArchStable: runtime.GOARCH,
	}
}

func (n *Nodelet) nodeStatus() v1.NodeStatus {
	now := metav1.Now()
	status := v1.NodeStatus{
		Capacity: capacity(), Allocatable: capacity(),
		Addresses: []v1.NodeAddress{
			{Type: v1.NodeInternalIP, Address: n.cfg.NodeIP},
			{Type: v1.NodeHostName, Address: n.cfg.NodeName},
		},
		DaemonEndpoints: v1.NodeDaemonEndpoints{KubeletEndpoint: v1.DaemonEndpoint{Port: int32(n.cfg.KubeletPort)}},
		NodeInfo: v1.NodeSystemInfo{
			KubeletVersion: "v1.36.0-nodelet", ContainerRuntimeVersion: "nodelet://1", OSImage: "processes",
			OperatingSystem: "linux", Architecture: runtime.GOARCH,
		},
	}
	for kind, healthy := range map[v1.NodeConditionType]v1.ConditionStatus{
		v1.NodeReady: v1.ConditionTrue, v1.NodeMemoryPressure: v1.ConditionFalse,
		v1.NodeDiskPressure: v1.ConditionFalse, v1.NodePIDPressure: v1.ConditionFalse,
	} {
		status.Conditions = append(status.Conditions, v1.NodeCondition{
			Type: kind, Status: healthy, Reason: "NodeletRunning", Message: "the nodelet is running",
			LastHeartbeatTime: now, LastTransitionTime: now,
		})
	}
	return status
}

// keepAlive renews the Lease, the cheapest sign of life that the node lifecycle
// controller accepts. Should it have declared the node dead (a suspended
// laptop), the node is registered again.
func (n *Nodelet) keepAlive(ctx context.Context) {
	ticker := time.NewTicker(leaseInterval)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := n.renewLease(ctx); err != nil {
			if ctx.Err() == nil {
				n.log.Warn("node lease not renewed, will be tried again", "node", n.cfg.NodeName, "error", err)
			}
			continue
		}
		if time.Since(last) > leaseSeconds*time.Second {
			if err := n.register(ctx); err != nil && ctx.Err() == nil {
				n.log.Warn("node not registered again after a pause", "node", n.cfg.NodeName, "error", err)
			}
		}
		last = time.Now()
	}
}

func (n *Nodelet) renewLease(ctx context.Context) error {
	leases := n.cfg.Client.CoordinationV1().Leases(v1.NamespaceNodeLease)
	now, seconds := metav1.NowMicro(), int32(leaseSeconds)
	lease, err := leases.Get(ctx, n.cfg.NodeName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = leases.Create(ctx, &coordv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Name: n.cfg.NodeName},
			Spec:       coordv1.LeaseSpec{HolderIdentity: &n.cfg.NodeName, LeaseDurationSeconds: &seconds, RenewTime: &now},
		}, metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	lease.Spec.RenewTime = &now
	_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
	return err
}
