package dashboard

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// window is a stretch of time that ends now, in bars of equal length.
type window struct {
	Name string // hour, day or week
	span span
	per  int // intervals of span in one bar
	bars int
}

var windows = []window{{"hour", fine, 1, 12}, {"day", fine, 6, 48}, {"week", coarse, 3, 56}}

// windowOf returns the window of a name, or the first.
func windowOf(name string) window {
	i := slices.IndexFunc(windows, func(w window) bool { return w.Name == name })
	return windows[max(i, 0)]
}

func (w window) bar() time.Duration { return w.span.step * time.Duration(w.per) }

// begins returns when the first bar does: the last one has the time now in it.
func (w window) begins(now time.Time) time.Time {
	return now.UTC().Truncate(w.bar()).Add(-w.bar() * time.Duration(w.bars-1))
}

// stack returns the sums of each bar.
func (w window) stack(sums map[int64]tally, now time.Time) []tally {
	first, bars := w.begins(now).Unix(), make([]tally, w.bars)
	for i := range bars {
		bars[i] = tally{}
	}
	for _, begins := range slices.Sorted(maps.Keys(sums)) {
		i := (begins - first) / int64(w.bar()/time.Second)
		if begins >= first && i < int64(len(bars)) {
			bars[i].merge(sums[begins])
		}
	}
	return bars
}

// chart is bars over time, each of them a stack of parts, one a series.
type chart struct {
	ID, Title, Note string
	Series          []series
	Bars            []bar
	Max             int64 // the height of the highest bar
	From            time.Time
	Width           int // of the drawing, whose height is 100
}

// series is what has one name.
type series struct {
	Name  string
	Color int   // number of its style
	Sum   int64 // over all bars; of sessions the last count
}

// bar is one interval of a chart.
type bar struct {
	From  time.Time
	Title string
	Rects []rect
	Cells []int64 // the number of every series
}

// rect is a part of a bar.
type rect struct {
	X, Width  int
	Y, Height float64
	Color     int
}

const (
	barWidth = 10
	barGap   = 2
	colors   = 8
)

// chartOf draws one kind of what was counted. The names of order come first.
func (w window) chartOf(kind string, bars []tally, order []string, now time.Time) chart {
	c := chart{ID: kind, From: w.begins(now), Width: barWidth * w.bars}
	for n, name := range namesOf(kind, bars, order) {
		c.Series = append(c.Series, series{Name: name, Color: min(n, colors-1)})
	}
	for _, t := range bars {
		c.Max = max(c.Max, height(t[kind]))
	}
	for i, t := range bars {
		c.Bars = append(c.Bars, c.barOf(i, t[kind], c.From.Add(w.bar()*time.Duration(i))))
	}
	for n, s := range c.Series {
		c.Series[n].Sum = total(kind, s.Name, bars)
	}
	return c
}

// barOf draws the i-th bar.
func (c *chart) barOf(i int, counts map[string]int64, from time.Time) bar {
	b, y := bar{From: from}, 100.0
	title := []string{from.Format("Jan 2 15:04")}
	for _, s := range c.Series {
		n := counts[s.Name]
		b.Cells = append(b.Cells, n)
		if n == 0 {
			continue
		}
		h := math.Round(float64(n)/float64(c.Max)*1e4) / 100
		y = math.Round((y-h)*100) / 100
		b.Rects = append(b.Rects, rect{X: i*barWidth + barGap/2, Width: barWidth - barGap, Y: max(y, 0), Height: h, Color: s.Color})
		title = append(title, label(s.Name)+" "+strconv.FormatInt(n, 10))
	}
	b.Title = strings.Join(title, ", ")
	return b
}

// label returns what to call a series: sessions whose keys are not held have no tag.
func label(name string) string { return cmp.Or(name, "keys not held here") }

// Label returns what to call s.
func (s series) Label() string { return label(s.Name) }

// namesOf returns the names that a kind has in any bar, those of order first.
func namesOf(kind string, bars []tally, order []string) []string {
	found := map[string]bool{}
	for _, t := range bars {
		for name := range t[kind] {
			found[name] = true
		}
	}
	rank := func(name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
}

func height(counts map[string]int64) (sum int64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// total returns the sum of one name; of sessions, which are not added up, the last
// count.
func total(kind, name string, bars []tally) (sum int64) {
	for _, t := range bars {
		switch {
		case kind != living:
			sum += t[kind][name]
		case t[kind] != nil:
			sum = t[kind][name]
		}
	}
	return sum
}
