package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/sessionring/sessionring/keyring"
)

// Exit statuses.
const (
	done       = 0
	refused    = 1
	misused    = 2
	cannotTell = 3
)

// failure is an error as scripts read it.
type failure struct {
	status int

	Word          string    `json:"error"` // usage, refused, exists, in_use, unavailable, or what a server says
	Message       string    `json:"message"`
	Faults        []string  `json:"faults,omitempty"` // the message, if it names several
	SessionsLost  *int      `json:"sessions_lost,omitempty"`
	DroppableFrom time.Time `json:"droppable_from,omitzero"`
}

func (f *failure) Error() string { return f.Message }

// errUsage is wrapped by errors about the words of a call.
var errUsage = errors.New("usage")

// usage returns the error for a call whose words are off.
func (c *call) usage(format string, args ...any) error {
	name := strings.TrimSpace("keyring " + c.name)
	return fmt.Errorf("%s: %w: %s", name, errUsage, fmt.Sprintf(format, args...))
}

// unsure returns an error for what cannot be told.
func unsure(format string, args ...any) error {
	return &failure{status: cannotTell, Word: "unavailable", Message: "keyring: " + fmt.Sprintf(format, args...)}
}

// afterwards returns the error of an answer that says what was done. If it could not be
// written, it has been done all the same, and the error says it instead.
func afterwards(what string, err error) error {
	if !errors.Is(err, errUnwritten) {
		return err
	}
	return &failure{status: done, Message: "keyring: " + what + "\n" + err.Error()}
}

// failureOf returns err as a failure.
func failureOf(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	f = &failure{status: refused, Word: "refused", Message: err.Error()}
	var path *fs.PathError
	switch {
	case errors.Is(err, errUsage):
		f.status, f.Word = misused, "usage"
	case errors.Is(err, keyring.ErrInUse):
		f.Word = "in_use"
	case errors.Is(err, fs.ErrExist):
		f.Word = "exists"
	case errors.Is(err, errUnwritten), errors.As(err, &path):
		f.status, f.Word = cannotTell, "unavailable"
	}
	if faults := strings.Split(f.Message, "\n"); len(faults) > 1 {
		f.Faults = faults
	}
	return f
}

// verdict is the exit status of a command that has said all there is to say.
type verdict int

func (v verdict) Error() string { return fmt.Sprintf("exit status %d", int(v)) }

// end reports err and returns the exit status.
func (c *call) end(err error, stdout, stderr io.Writer) int {
	var v verdict
	switch {
	case err == nil:
		return done
	case errors.As(err, &v):
		return int(v)
	}
	f := failureOf(err)
	io.WriteString(stderr, plainLines(f.Message)+"\n")
	if c.json && f.status != done {
		writeJSON(stdout, f)
	}
	return f.status
}
