package routing_test

import (
	"testing"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
)

func TestSplitOf(t *testing.T) {
	cases := []struct {
		primary, canary int64
		want            int32
		fails           bool
	}{
		{100, 0, 0, false},
		{0, 100, 100, false},
		{70, 30, 30, false},
		{7, 3, 30, false},
		{100, 100, 50, false},
		{2, 1, 33, false},
		{1_000_000, 1, 1, false},
		{1, 1_000_000, 99, false},
		{0, 0, 0, true},
		{-1, 2, 0, true},
		{1 << 62, 1 << 62, 0, true},
	}
	for _, tc := range cases {
		got, err := routing.SplitOf(tc.primary, tc.canary)
		if (err != nil) != tc.fails {
			t.Errorf("%d/%d: error %v", tc.primary, tc.canary, err)
			continue
		}
		if err == nil && got != routing.CanaryShare(tc.want) {
			t.Errorf("%d/%d: got %+v, want %d for the canary", tc.primary, tc.canary, got, tc.want)
		}
	}
}
