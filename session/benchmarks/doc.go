// Package benchmarks measures sessionring beside what it could cost at the least. It
// is a module of its own, so that what it compares with is no requirement of the
// library.
//
// A comparison takes turns within one run and quotes medians and their ratio:
// figures of different runs say more about the machine than about the code.
//
//	go test -run='^$' -bench=. -benchtime=20x ./session/benchmarks
package benchmarks
