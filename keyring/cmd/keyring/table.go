package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// dash stands in cells where there is nothing.
const dash = "-"

// table is rows of cells under a head.
type table struct {
	head []string
	rows [][]string
}

// add adds a row; empty cells show as a dash.
func (t *table) add(cells ...string) {
	for i := range cells {
		cells[i] = plain(cmp.Or(cells[i], dash))
	}
	t.rows = append(t.rows, cells)
}

// write writes the table, without columns in which no row has anything.
func (t *table) write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{t.head}, t.rows...) {
		var cells []string
		for i, cell := range row {
			if t.used(i) {
				cells = append(cells, cell)
			}
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

// used reports whether some row has something in column i.
func (t *table) used(i int) bool {
	return slices.ContainsFunc(t.rows, func(row []string) bool { return row[i] != dash })
}
