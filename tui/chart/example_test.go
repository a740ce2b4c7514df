package chart_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/tui/chart"
)

func ExampleRender() {
	start := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	var latency []chart.Point
	for i, ms := range []float64{210, 260, 230, 410, 620, 380, 250} {
		latency = append(latency, chart.Point{Time: start.Add(time.Duration(i) * 10 * time.Second), Value: ms})
	}
	d := chart.Data{
		Canary: latency,
		Max:    new(500.0),
		Marks: []chart.Mark{
			{Time: start, Kind: chart.MarkWeight, Weight: 10},
			{Time: start.Add(40 * time.Second), Kind: chart.MarkFailed},
		},
	}
	drawn := chart.Render(d, 40, 9, chart.Options{
		Glyphs: chart.ASCII, Unit: chart.UnitMilliseconds, Origin: start,
	})
	for line := range strings.Lines(drawn) {
		fmt.Println("> " + strings.TrimRight(line, " \n"))
	}
	// Output:
	// >        |                     x
	// >        |                   ** **
	// > <=500ms+-----------------**-----**------
	// >        |               **         **
	// >        |            ***             **
	// >        |   *********                  **
	// >   200ms+***
	// >        +10%-----------------------------
	// >         0s       20s        40s       1m
}
