//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const (
	// otherManager is the field manager of those who write what the agent keeps.
	otherManager = "somebody-else"
	// They write so often, for so long, from the first step on.
	otherPeriod = 300 * time.Millisecond
	otherTime   = 5 * time.Second
	// fewestWrites make a fight.
	fewestWrites = 8
)

var traefikServices = schema.GroupVersionResource{Group: "traefik.io", Version: "v1alpha1", Resource: "traefikservices"}

// fight has another writer write again and again while the steps are held. What is written during
// the promotion and after it could take pods or traffic away in ways that no agent can prevent.
func fight(write func(ctx context.Context, s *scene, n int) error) func(context.Context, *scene) error {
	return func(ctx context.Context, s *scene) error {
		if err := s.inStep(ctx, 1); err != nil {
			return err
		}
		// Both versions serve from here on, whoever gets the traffic.
		if err := s.traffic.WaitShare(ctx, newVersion, float64(weights[0])/100, 0.25, 500*time.Millisecond); err != nil {
			return err
		}
		ticker := time.NewTicker(otherPeriod)
		defer ticker.Stop()
		var all error
		written := 0
		for end := time.Now().Add(otherTime); time.Now().Before(end); {
			if s.record.Last().Status.Phase != v1beta1.PhaseProgressing {
				break
			}
			if err := write(ctx, s, written); err != nil {
				all = err
			} else {
				written++
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if written < fewestWrites {
			return errors.Join(fmt.Errorf("the other writer wrote %d times, want %d", written, fewestWrites), all)
		}
		return nil
	}
}

// turnWeights gives the canary's share to the primary and the other way round.
func turnWeights(ctx context.Context, s *scene, _ int) error {
	client, err := dynamic.NewForConfig(s.cluster.RESTConfig)
	if err != nil {
		return err
	}
	routes := client.Resource(traefikServices).Namespace(s.app.Namespace)
	route, err := routes.Get(ctx, "app", metav1.GetOptions{})
	if err != nil {
		return err
	}
	services, _, _ := unstructured.NestedSlice(route.Object, "spec", "weighted", "services")
	for _, each := range services {
		service, _ := each.(map[string]any)
		weight, _ := service["weight"].(int64)
		service["weight"] = 100 - weight
	}
	if err := unstructured.SetNestedSlice(route.Object, services, "spec", "weighted", "services"); err != nil {
		return err
	}
	_, err = routes.Update(ctx, route, metav1.UpdateOptions{FieldManager: otherManager})
	return err
}

// turnSelector makes the apex Service select the target's pods.
func turnSelector(ctx context.Context, s *scene, _ int) error {
	_, err := s.cluster.Client().CoreV1().Services(s.app.Namespace).Patch(ctx, "app", types.MergePatchType,
		[]byte(`{"spec":{"selector":{"app":"app"}}}`), metav1.PatchOptions{FieldManager: otherManager})
	return err
}

// turnReplicas scales the target to one and two in turns, and leaves it at two: what the target has
// at the promotion is what the primary gets.
func turnReplicas(ctx context.Context, s *scene) error {
	err := fight(func(ctx context.Context, s *scene, n int) error { return s.scaleTarget(ctx, 1+n%2) })(ctx, s)
	return errors.Join(err, s.scaleTarget(ctx, replicas))
}

func (s *scene) scaleTarget(ctx context.Context, n int) error {
	_, err := s.cluster.Client().AppsV1().Deployments(s.app.Namespace).Patch(ctx, "app", types.MergePatchType,
		fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, n), metav1.PatchOptions{FieldManager: otherManager})
	return err
}

// followTime is how long the proxy may take to learn where the traffic goes. Pods that somebody
// takes away are out of the proxy's list at the moment at which the agent gets to know of it, so
// what fails within this time no agent could have prevented.
const followTime = time.Second

// scaledToZero takes all pods of the canary away once.
func scaledToZero(ctx context.Context, s *scene) error {
	if err := s.inStep(ctx, 2); err != nil {
		return err
	}
	s.excused = window{time.Now(), time.Now().Add(followTime)}
	return s.scaleTarget(ctx, 0)
}
