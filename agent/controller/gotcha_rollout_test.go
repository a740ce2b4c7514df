package controller

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// rollOut does what the Deployment controller and the kubelets do.
func (s *apiServer) rollOut(d *unstructured.Unstructured) {
	template, _, _ := unstructured.NestedMap(d.Object, "spec", "template")
	text, err := json.Marshal(template)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(text)
	hash := hex.EncodeToString(sum[:4])
	key := objectKey{"replicasets", d.GetNamespace(), d.GetName() + "-" + hash}
	number := 1
	for _, o := range s.objects {
		if o.GetKind() == "ReplicaSet" && o.GetOwnerReferences()[0].UID == d.GetUID() {
			n, _ := strconv.Atoi(o.GetAnnotations()[revisionAnnotation])
			number = max(number, n+1)
		}
	}
	if rs := s.objects[key]; rs == nil {
		s.store(key, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apps/v1", "kind": "ReplicaSet",
			"metadata": map[string]any{
				"name": key.name, "namespace": key.namespace,
				"labels":      map[string]any{"pod-template-hash": hash},
				"annotations": map[string]any{revisionAnnotation: strconv.Itoa(number)},
				"ownerReferences": []any{map[string]any{
					"apiVersion": "apps/v1", "kind": "Deployment", "name": d.GetName(), "uid": string(d.GetUID()), "controller": true,
				}},
			},
		}})
	} else {
		number, _ = strconv.Atoi(rs.GetAnnotations()[revisionAnnotation])
	}
	annotations := d.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[revisionAnnotation] = strconv.Itoa(number)
	d.SetAnnotations(annotations)
	replicas, found, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
	if !found {
		replicas = 1
	}
	d.Object["status"] = map[string]any{
		"observedGeneration": d.GetGeneration(), "replicas": replicas, "updatedReplicas": replicas,
		"readyReplicas": replicas, "availableReplicas": replicas,
	}
}

const revisionAnnotation = "deployment.kubernetes.io/revision"
