package server

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Env reads environment variables and notes all that is wrong with them, so that
// an operator sees every fault at once. A variable that is set to nothing counts
// as not set. The zero Env is ready for use.
type Env struct{ faults []error }

// Fault notes a fault.
func (e *Env) Fault(format string, args ...any) {
	e.faults = append(e.faults, fmt.Errorf(format, args...))
}

// Check notes err as a fault, unless it is nil.
func (e *Env) Check(err error) {
	if err != nil {
		e.faults = append(e.faults, err)
	}
}

// Err returns all faults so far, or nil.
func (e *Env) Err() error { return errors.Join(e.faults...) }

// Text returns the value of a variable, or preset.
func (e *Env) Text(name, preset string) string { return cmp.Or(os.Getenv(name), preset) }

// DataDir returns the folder for what a server makes for itself.
func (e *Env) DataDir() string { return e.Text("DATA_DIR", "data") }

// List returns the comma separated values of a variable.
func (e *Env) List(name string) []string {
	var list []string
	for item := range strings.SplitSeq(os.Getenv(name), ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// Choice returns the value of a variable, which must be one of choices, or "".
func (e *Env) Choice(name string, choices ...string) string {
	value := os.Getenv(name)
	if value == "" || slices.Contains(choices, value) {
		return value
	}
	e.Fault("%s is %q: use one of %s", name, value, strings.Join(choices, ", "))
	return ""
}

// Switch returns a variable that is 1 for on and 0 for off, or preset.
func (e *Env) Switch(name string, preset bool) bool {
	switch e.Choice(name, "0", "1") {
	case "0":
		return false
	case "1":
		return true
	}
	return preset
}

// Duration returns a variable like 15m or 36h, and whether it is set.
func (e *Env) Duration(name string) (d time.Duration, set bool) {
	text := os.Getenv(name)
	if text == "" {
		return 0, false
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		e.Fault("%s is %q: write a duration such as 90s, 15m or 36h", name, text)
	}
	return d, err == nil
}

// Lifetime returns a duration above zero, or zero if it is not set.
func (e *Env) Lifetime(name string) time.Duration {
	d, set := e.Duration(name)
	if set && d <= 0 {
		e.Fault("%s is %v: it must be more than 0", name, d)
	}
	return d
}

// Seconds returns a number of seconds above zero, or preset.
func (e *Env) Seconds(name string, preset time.Duration) time.Duration {
	text := os.Getenv(name)
	if text == "" {
		return preset
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || n > maxSeconds {
		e.Fault("%s is %q: write a number of seconds from 1 to %d", name, text, int64(maxSeconds))
	}
	return time.Duration(n) * time.Second
}

// maxSeconds is a hundred years: longer than any session, and no overflow.
const maxSeconds = 100 * 365 * 24 * 60 * 60

// Time returns a moment, or the zero time if it is not set.
func (e *Env) Time(name string) time.Time {
	text := os.Getenv(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		e.Fault("%s is %q: write a time as in RFC 3339, such as 2027-06-01T00:00:00Z", name, text)
	}
	return t
}

// Address returns where to listen: ADDR, or PORT on loopback, or preset.
func (e *Env) Address(preset string) string {
	addr, port := os.Getenv("ADDR"), os.Getenv("PORT")
	switch {
	case addr != "" && port != "":
		e.Fault("ADDR and PORT are both set: choose one")
	case port != "":
		addr = "127.0.0.1:" + port
	}
	addr = cmp.Or(addr, preset)
	_, number, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(number, 10, 16)
	}
	if err != nil {
		e.Fault("cannot listen on %q: write ADDR as host:port, PORT as a number up to 65535", addr)
	}
	return addr
}

// CheckDemo keeps accounts that anybody can sign in to off the network.
func (e *Env) CheckDemo(addr string) {
	if !Loopback(addr) && !e.Switch("INSECURE_DEMO", false) {
		e.Fault("%s is not loopback, and anybody can sign in to the demo accounts: listen on 127.0.0.1, or set INSECURE_DEMO=1", addr)
	}
}

// Loopback reports whether only this machine can reach addr.
func Loopback(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
