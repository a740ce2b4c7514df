package agent

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	v1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
)

// TestReleased notices when the holder gives the lease up, and not before.
func TestReleased(t *testing.T) {
	for name, tt := range map[string]struct {
		events []string // "type holder"
		want   bool
	}{
		"as it is, free":   {[]string{"ADDED", ""}, false},
		"renewed":          {[]string{"ADDED", "a", "MODIFIED", "a"}, false},
		"released":         {[]string{"ADDED", "a", "MODIFIED", "a", "MODIFIED", ""}, true},
		"taken by another": {[]string{"ADDED", "a", "MODIFIED", "b"}, false},
		"deleted":          {[]string{"ADDED", "a", "DELETED", "a"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			watched := make(chan string, 8)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				watched <- r.URL.Query().Get("fieldSelector")
				if len(watched) > 1 {
					cancel() // Whoever watches again has seen all that there was.
					return
				}
				w.Header().Set("Content-Type", "application/json")
				for i := 0; i < len(tt.events); i += 2 {
					holder := tt.events[i+1]
					lease := coordinationv1.Lease{
						TypeMeta:   metav1.TypeMeta{APIVersion: "coordination.k8s.io/v1", Kind: "Lease"},
						ObjectMeta: metav1.ObjectMeta{Name: leaseName},
						Spec:       coordinationv1.LeaseSpec{HolderIdentity: &holder},
					}
					_ = json.NewEncoder(w).Encode(map[string]any{"type": tt.events[i], "object": lease})
				}
			}))
			defer server.Close()
			client, err := v1.NewForConfig(&rest.Config{Host: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			if got := released(ctx, client.Leases("canary-system"), time.Millisecond); got != tt.want {
				t.Errorf("released() = %t, want %t", got, tt.want)
			}
			if selector := <-watched; selector != "metadata.name=canary-agent" {
				t.Errorf("watched with selector %q", selector)
			}
			cancel()
		})
	}
}
