package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// progress prints what happens, line by line. On a terminal, the last line says how
// things stand, and is written again every second.
type progress struct {
	terminal bool
	began    time.Time

	mu  sync.Mutex // guards out
	out io.Writer
}

func newProgress(f *os.File) *progress {
	return &progress{terminal: terminal(f), began: time.Now(), out: f}
}

// title prints an empty line and a title.
func (g *progress) title(format string, args ...any) {
	g.write(g.clear() + "\n" + fmt.Sprintf(format, args...) + "\n")
}

// line prints a line with the time.
func (g *progress) line(text string) {
	g.write(g.clear() + fmt.Sprintf("%6.1f s  %s\n", time.Since(g.began).Seconds(), text))
}

// clear returns what removes the line that says how things stand.
func (g *progress) clear() string {
	if g.terminal {
		return "\r\x1b[K"
	}
	return ""
}

// watch shows, on a terminal, how things stand until ctx ends.
func (g *progress) watch(ctx context.Context, status func() string) {
	for g.terminal {
		select {
		case <-ctx.Done():
			g.write(g.clear())
			return
		case <-time.After(time.Second):
			g.write(g.clear() + "          " + status())
		}
	}
}

func (g *progress) write(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	io.WriteString(g.out, text)
}
