package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var canaries = schema.GroupResource{Group: "flagger.app", Resource: "canaries"}

func TestIsNoResource(t *testing.T) {
	missing := apierrors.NewNotFound(canaries, "app")
	noPath := apierrors.NewGenericServerResponse(http.StatusNotFound, "get", canaries, "app", "404 page not found", 0, true)
	if IsNoResource(missing) || !IsNoResource(noPath) || !IsNoResource(fmt.Errorf("wrapped: %w", noPath)) || IsNoResource(errors.New("x")) {
		t.Error("a missing object and a missing kind are not told apart")
	}
}

func TestExplain(t *testing.T) {
	a := &Access{}
	for want, err := range map[string]error{
		"cannot list: the Canary API (flagger.app/v1beta1) is not installed": apierrors.NewGenericServerResponse(404, "get", canaries, "", "404", 0, true),
		"cannot list: the API server  does not accept your credentials":      apierrors.NewUnauthorized("no"),
		`cannot list: canaries.flagger.app "app" is forbidden: because`:      apierrors.NewForbidden(canaries, "app", errors.New("because")),
		"cannot be reached (dial refused)":                                   &url.Error{Err: &net.OpError{Err: errors.New("dial refused")}},
		"cannot be reached (lookup nowhere: no such host)":                   &net.DNSError{Err: "no such host", Name: "nowhere"},
		"cannot be reached (no answer in time)":                              &url.Error{Err: context.DeadlineExceeded},
		"cannot list: odd":                                                   errors.New("odd"),
		"context canceled":                                                   &url.Error{Err: context.Canceled},
	} {
		if have := a.Explain(err, "list").Error(); !strings.Contains(have, want) {
			t.Errorf("have %q, want %q", have, want)
		}
	}
	if a.Explain(nil, "list") != nil {
		t.Error("an error out of nothing")
	}
}
