//go:build !race

// Package race tells tests whether the race detector is on: under it memory is counted
// otherwise, and what one goroutine works out for long has nothing to show it.
package race

// Enabled reports whether the build has the race detector.
const Enabled = false
