package nodelet

import (
	"context"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// rootCAName is the ConfigMap that every pod mounts for its service account. It
// is asked for once per namespace, since it does not change while a test
// cluster lives; 300 starting pods would otherwise ask 300 times.
const rootCAName = "kube-root-ca.crt"

// objects reads ConfigMaps and Secrets when a container needs them. They are not
// watched: a node that watched all of them would hide from the tests what the
// product itself reads.
type objects struct {
	client kubernetes.Interface
	mu     sync.Mutex
	rootCA map[string]*v1.ConfigMap
}

func newObjects(client kubernetes.Interface) *objects {
	return &objects{client: client, rootCA: map[string]*v1.ConfigMap{}}
}

func (o *objects) configMap(ctx context.Context, namespace, name string) (*v1.ConfigMap, error) {
	if name == rootCAName {
		o.mu.Lock()
		cm := o.rootCA[namespace]
		o.mu.Unlock()
		if cm != nil {
			return cm, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cm, err := o.client.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	if name == rootCAName {
		o.mu.Lock()
		o.rootCA[namespace] = cm
		o.mu.Unlock()
	}
	return cm, nil
}

func (o *objects) secret(ctx context.Context, namespace, name string) (*v1.Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return o.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
}
