package memstore

import "slices"

// queue is a heap of items by expiry, as container/heap wants it. Every item knows
// its place, so that any of them can be taken out.
type queue []*item

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].expires.Before(q[j].expires) }

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push adds x, an *item, as the last.
func (q *queue) Push(x any) {
	i := x.(*item)
	i.place = len(*q)
	*q = append(*q, i)
}

// Pop removes the last item, and gives memory back when most of it is unused.
func (q *queue) Pop() any {
	last := len(*q) - 1
	i := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	if cap(*q) > smallMap && last < cap(*q)/4 {
		*q = slices.Clone(*q)
	}
	return i
}
