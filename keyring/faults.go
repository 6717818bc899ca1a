package keyring

import (
	"errors"
	"fmt"
)

// faults collects what is wrong with a source, one line for each fault, so that
// all of it is reported at once.
type faults []error

// addf notes a fault.
func (f *faults) addf(format string, args ...any) {
	*f = append(*f, fmt.Errorf("keyring: "+format, args...))
}

// add notes err, or each of the errors that it joins; nil is no fault.
func (f *faults) add(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			f.add(e)
		}
	} else if err != nil {
		f.addf("%w", err)
	}
}

// err returns all faults in one error, or nil if there are none.
func (f faults) err() error { return errors.Join(f...) }
