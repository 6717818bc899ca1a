package examples_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// playing returns the command fleet, which writes nothing but below a folder. That can
// be entered by another user, as whom PostgreSQL runs.
func playing(t *testing.T, args ...string) (cmd *exec.Cmd, temp string) {
	t.Helper()
	temp, err := os.MkdirTemp("", "sessionring-played-")
	if err == nil {
		err = os.Chmod(temp, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(temp) })
	cmd = exec.Command(filepath.Join(bin, "fleet"), args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	return cmd, temp
}

// played runs the command and returns what it printed.
func played(t *testing.T, status int, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd, temp := playing(t, args...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		stderr = string(exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Errorf("%v: got exit status %d, want %d:\n%s%s", args, got, status, out, stderr)
	}
	wantNothingLeft(t, temp)
	return string(out), stderr
}

// wantNothingLeft wants no file below a folder, and no process that lives in one.
func wantNothingLeft(t *testing.T, temp string) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(temp, "*")); len(left) > 0 {
		t.Errorf("got %q left behind, want nothing", left)
	}
	folders, _ := filepath.Glob("/proc/[0-9]*/cwd") // none where there is no such folder
	for _, f := range folders {
		if at, err := os.Readlink(f); err == nil && strings.HasPrefix(at, temp) {
			t.Errorf("%s still runs", filepath.Dir(f))
		}
	}
}

// playReport is what the command prints with -json.
type playReport struct {
	Plays []struct {
		Scenario   string
		Store      string
		Users      int
		Requests   int
		Faults     int              `json:"http_5xx"`
		P50        float64          `json:"p50_ms"`
		P95        float64          `json:"p95_ms"`
		P99        float64          `json:"p99_ms"`
		Unanswered int              `json:"unanswered"`
		SignedOut  []playedSignOut  `json:"signed_out"`
		Classic    *[]playedSignOut `json:"current_and_previous_signed_out"`
	}
}

type playedSignOut struct{ User, Step, Reason, Instance string }

// decodeReport decodes a report, which must have these plays.
func decodeReport(t *testing.T, text string, plays ...string) (r playReport) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var got []string
	for _, p := range r.Plays {
		got = append(got, p.Scenario)
		if p.Requests < 10*p.Users || p.P50 <= 0 || p.P95 < p.P50 || p.P99 < p.P95 || p.SignedOut == nil || p.Classic == nil {
			t.Errorf("got %+v, want all numbers", p)
		}
	}
	if strings.Join(got, " ") != strings.Join(plays, " ") {
		t.Fatalf("got the plays %q, want %q", got, plays)
	}
	return r
}

// The command plays roll-outs in which nobody is signed out, and no request goes
// unanswered, while the rule of the current and the previous secret loses people: if it
// did not, the comparison would show nothing.
func TestFleetCommand(t *testing.T) {
	t.Parallel()
	programsAlone(t)
	plays := []string{"rolling", "file"}
	out, _ := played(t, 0, "-json", "-store", "none", "-pace", "700ms", "-scenario", strings.Join(plays, ","))
	for i, p := range decodeReport(t, out, plays...).Plays {
		if p.Users != 60 || p.Store != "stateless" || len(p.SignedOut) > 0 || p.Faults > 0 || p.Unanswered > 0 {
			t.Errorf("got %+v, want 60 users and nobody signed out", p)
		}
		t.Logf("%s: %d requests, %d users lost by the classic rule", p.Scenario, p.Requests, len(*p.Classic))
		if i == 0 && len(*p.Classic) == 0 {
			t.Error("the classic rule lost nobody in a rolling rotation, want some")
		}
		for _, lost := range *p.Classic {
			if lost.Reason != "signed with v2 at a server with v1" || lost.User == "" || lost.Step == "" || !strings.HasPrefix(lost.Instance, "server ") {
				t.Errorf("got %+v, want who lost what, when and where", lost)
			}
		}
	}
}

// A key that is revoked without a spare signs everybody out, as it must: the command
// can fail, and says why. A crash signs nobody out.
func TestFleetCommandFails(t *testing.T) {
	t.Parallel()
	programsAlone(t)
	args := []string{"-store", "none", "-scenario", "crash,revocation-no-spare", "-users", "8", "-pace", "100ms"}
	out, _ := played(t, 1, append(args, "-json")...)
	r := decodeReport(t, out, "crash", "revocation-no-spare")
	if p := r.Plays[0]; len(p.SignedOut) > 0 || p.Faults > 0 || p.Unanswered > 0 {
		t.Errorf("got %+v, want a crash that nobody notices", p)
	}
	if p := r.Plays[1]; len(p.SignedOut) != 8 || p.SignedOut[0].Reason != "revoked" {
		t.Errorf("got %+v, want all 8 signed out", p)
	}
	out, _ = played(t, 1, args...)
	for _, want := range []string{"server 1 is replaced by one with v2; v1 revoked\n", "8  leaked key revoked, without a spare, stateless: revoked\n", "8 of 8 signed out\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%s\nwant %q", out, want)
		}
	}
}

// A shared keyring is rotated three times; what is missing for that is named.
func TestFleetCommandShared(t *testing.T) {
	t.Parallel()
	args := []string{"-store", "redis", "-scenario", "shared", "-users", "8", "-pace", "100ms"}
	if _, err := exec.LookPath("redis-server"); err != nil {
		if out, _ := played(t, 1, args...); !strings.Contains(out, "Left out, Redis: redis-server is not installed") {
			t.Errorf("got %s, want what is missing", out)
		}
		return
	}
	out, _ := played(t, 0, append(args, "-json")...)
	for _, p := range decodeReport(t, out, "shared").Plays {
		if p.Store != "Redis" || len(p.SignedOut) > 0 || p.Faults > 0 || p.Unanswered > 0 {
			t.Errorf("got %+v, want nobody signed out", p)
		}
	}
}

func TestFleetCommandLine(t *testing.T) {
	t.Parallel()
	if out, _ := played(t, 0, "-list"); !strings.Contains(out, "rolling ") || !strings.Contains(out, "shared keyring rotated") {
		t.Errorf("got %s, want the scenarios", out)
	}
	played(t, 0, "-h")
	if _, err := played(t, 2, "-users", "0"); err != "fleet: -users is 0: use 1 to 1000\n" {
		t.Errorf("got %q", err)
	}
}

// Ctrl-C ends it, with nothing left behind: no server, no database, no file.
func TestFleetCommandInterrupted(t *testing.T) {
	t.Parallel()
	cmd, temp := playing(t, "-users", "8")
	p := begin(t, cmd)
	for !strings.Contains(p.out.String(), "everybody signs in") {
		select {
		case <-p.Done:
			t.Fatalf("the command ended by itself:\n%s", p.out)
		case <-time.After(20 * time.Millisecond):
		}
	}
	cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.Done:
	case <-time.After(patience):
		t.Fatalf("the command does not end:\n%s", p.out)
	}
	if got := cmd.ProcessState.ExitCode(); got != 1 || !strings.Contains(p.out.String(), "interrupt") {
		t.Errorf("got exit status %d, want 1:\n%s", got, p.out)
	}
	wantNothingLeft(t, temp)
}
