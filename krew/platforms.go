package krew

import (
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Pair is an operating system and an architecture, in Go's words.
type Pair struct{ OS, Arch string }

// String is os/arch.
func (p Pair) String() string { return p.OS + "/" + p.Arch }

// known are the pairs that krew's index knows.
func known() []Pair {
	return []Pair{
		{"windows", "386"}, {"windows", "amd64"}, {"windows", "arm64"},
		{"linux", "386"}, {"linux", "amd64"}, {"linux", "arm"}, {"linux", "arm64"}, {"linux", "ppc64le"},
		{"darwin", "386"}, {"darwin", "amd64"}, {"darwin", "arm64"},
	}
}

func matches(selector *metav1.LabelSelector, p Pair) bool {
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(labels.Set{"os": p.OS, "arch": p.Arch})
}

// firstMatch is the platform that an entry is tried on.
func firstMatch(selector *metav1.LabelSelector) (Pair, bool) {
	for _, p := range known() {
		if matches(selector, p) {
			return p, true
		}
	}
	return Pair{}, false
}

func checkSelector(s *metav1.LabelSelector) error {
	if s == nil || s.MatchLabels == nil && s.MatchExpressions == nil {
		return errors.New("selector is not set; choose os and arch")
	}
	if s.MatchLabels != nil && len(s.MatchLabels) == 0 {
		return errors.New("selector.matchLabels is empty; leave it out or choose os and arch")
	}
	if s.MatchExpressions != nil && len(s.MatchExpressions) == 0 {
		return errors.New("selector.matchExpressions is empty; leave it out or choose os and arch")
	}
	for key := range s.MatchLabels {
		if err := checkKey(key); err != nil {
			return err
		}
	}
	for _, e := range s.MatchExpressions {
		if err := checkKey(e.Key); err != nil {
			return err
		}
	}
	if _, err := metav1.LabelSelectorAsSelector(s); err != nil {
		return fmt.Errorf("selector: %w", err)
	}
	return nil
}

func checkKey(key string) error {
	if key != "os" && key != "arch" {
		return fmt.Errorf("selector has the key %q; only os and arch exist", key)
	}
	return nil
}

// checkOverlap finds two entries for one machine, of which krew would take either.
func checkOverlap(platforms []Platform) error {
	for _, pair := range known() {
		first := -1
		for i := range platforms {
			if !matches(platforms[i].Selector, pair) {
				continue
			}
			if first >= 0 {
				return fmt.Errorf("platforms[%d] and platforms[%d] both choose %s", first, i, pair)
			}
			first = i
		}
	}
	return nil
}
