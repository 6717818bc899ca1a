package main

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"

	"github.com/sessionring/sessionring/session/benchmarks/contender"
)

// Measures of the chart, in its own units.
const (
	chartWidth = 760
	labelWidth = 262
	barHeight  = 18
	barStep    = 26
	chartTop   = 64
	barRoom    = chartWidth - labelWidth - 110 // what is left for a number
)

// chartStyle has colours that can be read on a light page and on a dark one.
const chartStyle = `
	svg { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif }
	.page { fill: #ffffff; stroke: #d0d7de } .text { fill: #1f2328 } .soft { fill: #59636e }
	.bar { fill: #8c959f } .ours { fill: #0969da } .least { fill: #1a7f37 }
	.title { font-size: 16px; font-weight: 600 }
	@media (prefers-color-scheme: dark) {
		.page { fill: #0d1117; stroke: #3d444d } .text { fill: #f0f6fc } .soft { fill: #9198a1 }
		.bar { fill: #656c76 } .ours { fill: #4493f8 } .least { fill: #3fb950 }
	}
`

// bar is one line of the chart.
type bar struct {
	name, class string
	nanos       float64
}

// bars are the checks of all contenders and the least that one can cost, shortest first.
func (r *results) bars() []bar {
	ours := r.find(beside, own, opVerify)
	list := []bar{{"HMAC-SHA-256 alone", "least", ours.Reference}}
	for _, c := range contender.All() {
		class := "bar"
		if c.Module == "" {
			class = "ours"
		}
		list = append(list, bar{c.Name, class, r.find(beside, c.Name, opVerify).cost()})
	}
	slices.SortStableFunc(list, func(a, b bar) int { return cmp.Compare(a.nanos, b.nanos) })
	return list
}

// chart draws the bars as SVG, which is for readers of pages and for screen readers.
func (r *results) chart() string {
	list := r.bars()
	longest := list[len(list)-1].nanos
	height := chartTop + barStep*len(list) + 14
	var b, desc strings.Builder
	for i, x := range list {
		y := chartTop + i*barStep
		width := math.Max(2, x.nanos/longest*barRoom)
		fmt.Fprintf(&b, "<text class=\"text\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", labelWidth-8, y+13, html.EscapeString(x.name))
		fmt.Fprintf(&b, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>\n", x.class, labelWidth, y, width, barHeight)
		fmt.Fprintf(&b, "<text class=\"soft\" x=\"%.1f\" y=\"%d\">%s µs</text>\n", float64(labelWidth)+width+6, y+13, micros(x.nanos))
		fmt.Fprintf(&desc, "%s %s. ", x.name, micros(x.nanos))
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[2]d" width="%[1]d" height="%[2]d" role="img" aria-labelledby="title desc">
<title id="title">What checking a session token costs</title>
<desc id="desc">Microseconds of one check, shorter is better. %[3]s</desc>
<style>%[4]s</style>
<rect class="page" x="0.5" y="0.5" width="%[5]d" height="%[6]d" rx="6"/>
<text class="text title" x="16" y="28">What checking a session token costs</text>
<text class="soft" x="16" y="48">microseconds, shorter is better; %[7]d bytes, ring of three keys, all with the same checks</text>
%[8]s</svg>
`, chartWidth, height, html.EscapeString(strings.TrimSpace(desc.String())), chartStyle, chartWidth-1, height-1, r.Token, b.String())
}
