package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
)

// writeRecordings writes a recording of each state of package scene, and of a fleet, as files for
// `kubectl canary watch --replay`: what the pictures of the documentation show. Each holds one moment.
func writeRecordings(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for _, state := range scene.States() {
		c := scene.Of(state)
		if err := writeRecording(filepath.Join(dir, state+".canary"), "detail", c.Namespace, c.Name, c); err != nil {
			return err
		}
	}
	if err := writeRecording(filepath.Join(dir, "fleet.canary"), "fleet", "", "", scene.Fleet(60)...); err != nil {
		return err
	}
	return writeRun(filepath.Join(dir, "run.canary"))
}

// writeRun writes a whole run, a state each second.
func writeRun(path string) (err error) {
	const length = 110 // seconds
	run := scene.NewRun(scene.Epoch)
	var entries []any
	for second := range length {
		c := run.At(scene.Epoch.Add(time.Duration(second)*time.Second), 1)
		// The states share their slices; what is written must be of this moment.
		data, err := json.Marshal(entry{MS: 1000 * second, From: "detail", Kind: "canary", Namespace: c.Namespace, Name: c.Name, View: &c})
		if err != nil {
			return err
		}
		entries = append(entries, json.RawMessage(data))
	}
	return writeLines(path, "test", "app", entries)
}

// header and entry are lines of a recording; docs/recording.md has the format.
type header struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Started    time.Time `json:"started"`
	Context    string    `json:"context"`
	Namespace  string    `json:"namespace,omitempty"`
	Name       string    `json:"name,omitempty"`
}

type entry struct {
	MS        int          `json:"ms"`
	From      string       `json:"from"`
	Kind      string       `json:"kind"`
	Namespace string       `json:"namespace,omitempty"`
	Name      string       `json:"name,omitempty"`
	View      *view.Canary `json:"view,omitempty"`
}

func writeRecording(path, from, namespace, name string, canaries ...view.Canary) error {
	var lines []any
	for _, c := range canaries {
		lines = append(lines, entry{From: from, Kind: "canary", Namespace: c.Namespace, Name: c.Name, View: &c})
	}
	return writeLines(path, namespace, name, append(lines, entry{From: from, Kind: "synced", Namespace: namespace, Name: name}))
}

func writeLines(path, namespace, name string, lines []any) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	encoder := json.NewEncoder(f)
	first := header{
		APIVersion: "kubectl-canary/v1", Kind: "Recording", Started: scene.Epoch, Context: "prod", Namespace: namespace, Name: name,
	}
	for _, line := range append([]any{first}, lines...) {
		if err := encoder.Encode(line); err != nil {
			return err
		}
	}
	return nil
}
