//go:build race

package drivers_test

// raced says that the race detector slows SQLite, which is compiled Go, by a factor
// of ten or more.
const raced = true
