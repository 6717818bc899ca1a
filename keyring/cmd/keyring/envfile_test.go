package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestParseEnv: what a line sets, or what is said of it behind its number.
func TestParseEnv(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`A=b`: `b`, `A_1=`: ``, `_a=b=c`: `b=c`, `A="b c"`: `b c`, `A='b c'`: `b c`, `A='$b\c"d'`: `$b\c"d`, `A="it's"`: `it's`, `A=""`: ``, `A=''`: ``,
		`A=a#b`: `a#b`, `A=#`: `#`, `A="#"`: `#`, `A=é`: `é`, `A=base64:+/==`: `base64:+/==`, `A=a,b;c|d&e(f)<g>*?!~`: `a,b;c|d&e(f)<g>*?!~`, "A=b\n": `b`,
		` A=b`: `!is not KEY=VALUE`, "\tA=b": `!invisible`, `A =b`: `!is not KEY=VALUE`, `export A=b`: `!is not KEY=VALUE`, `A`: `!is not KEY=VALUE`, `=b`: `!is not KEY=VALUE`,
		`1A=b`: `!is not KEY=VALUE`, `A-B=c`: `!is not KEY=VALUE`, `é=c`: `!is not KEY=VALUE`, `; b`: `!is not KEY=VALUE`, ` `: `!is not KEY=VALUE`, ` # b`: `!is not KEY=VALUE`, "\ufeffA=b": `!invisible`,
		`A= b`: `!single quotes`, `A=b `: `!single quotes`, `A=b c`: `!single quotes`, `A=b # c`: `!single quotes`, `A=b\`: `!single quotes`, `A=$b`: `!single quotes`, "A=`b`": `!single quotes`, `A=b"c`: `!single quotes`, `A=b'`: `!single quotes`,
		`A="b`: `!a quote`, `A='b`: `!a quote`, `A="b"c`: `!a quote`, `A="b"c"`: `!a quote`, `A='b' `: `!a quote`, `A='b"`: `!a quote`, `A="`: `!a quote`, `A='b''c'`: `!a quote`,
		`A="$b"`: `!in double quotes`, `A="b\n"`: `!in double quotes`, "A=\"`b`\"": `!in double quotes`,
		"A=b\r\n": `!carriage return`, "A=b\x00": `!invisible`, "A=b\x7f": `!invisible`, "A=\xff": `!invisible`, "A=b\u202ec": `!invisible`, "A=b\u00a0c": `!invisible`, "A='b\tc'": `!invisible`,
	} {
		find, err := parseEnv("x.env", []byte("B=1\n"+line))
		if fault, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.HasPrefix(err.Error(), "keyring: x.env: line 2 ") || !strings.Contains(err.Error(), fault) {
				t.Errorf("%q: got %v, want line 2 and %q", line, err, fault)
			}
			continue
		}
		name, _, _ := strings.Cut(line, "=")
		if got, set := find(name); err != nil || !set || got != want {
			t.Errorf("%q: got %q, %v, %v, want %q", line, got, set, err, want)
		}
	}
}

// TestEnvFaults: all lines at fault are named, and variables that are set twice.
func TestEnvFaults(t *testing.T) {
	t.Parallel()
	find, err := parseEnv("x.env", []byte("# comment\n\nA=1\nmarker\nB=2 marker\nA=marker\n"))
	if err == nil {
		t.Fatal("got no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "line 4 ") || !strings.Contains(lines[1], "line 5 ") || !strings.Contains(lines[2], "line 6 sets the variable of line 3 again") {
		t.Errorf("got %q", lines)
	}
	if strings.Contains(err.Error(), "marker") {
		t.Errorf("the error quotes the file: %v", err)
	}
	if _, set := find("B"); set {
		t.Error("a line at fault sets a variable")
	}
	if find, err := parseEnv("x.env", nil); err != nil {
		t.Errorf("nothing: got %v", err)
	} else if _, set := find("A"); set {
		t.Error("nothing sets a variable")
	}
}

// FuzzParseEnv: no panic; no fault quotes a line; what is taken is taken again when it
// is written in single quotes, or as it is.
func FuzzParseEnv(f *testing.F) {
	for _, s := range []string{"A=b", "A='b c'\n#x\n\nB=\"d\"", "A=b\r\n", "A", "=", "A=\"", "export A=b", "A=$b\nA=c", "\xff\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		find, err := parseEnv("x", []byte(text))
		if err != nil {
			for line := range strings.Lines(text) {
				if line = strings.TrimSpace(line); len(line) > 90 && strings.Contains(err.Error(), line) {
					t.Fatalf("the error quotes the file: %v", err)
				}
			}
			return
		}
		for line := range strings.Lines(text) {
			name, _, ok := strings.Cut(line, "=")
			if !ok || line[0] == '#' {
				continue
			}
			value, set := find(name)
			if !set || strings.ContainsAny(value, "\n\r") {
				t.Fatalf("%q: got %q, %v", line, value, set)
			}
			if strings.Contains(value, "'") {
				continue
			}
			again, err := parseEnv("x", []byte(name+"='"+value+"'"))
			if err != nil {
				t.Fatalf("%q: in quotes: %v", line, err)
			}
			if got, _ := again(name); got != value {
				t.Fatalf("%q: in quotes: got %q, want %q", line, got, value)
			}
		}
	})
}

// TestShellReadsAlike: a shell takes what we take for the same, in quotes, and without
// where a value has nothing but what secrets are made of.
func TestShellReadsAlike(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell here")
	}
	for _, line := range []string{`A=0aF-_.~+/=:,@%^`, `A="b c#d;e|f&g"`, `A='$b\c"d e'`, `A=`, `A=''`, `A=base64:AbC+/==`, `A=a#b`} {
		find, err := parseEnv("x", []byte(line))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got, err := exec.CommandContext(t.Context(), "sh", "-euc", line+"\nprintf %s \"$A\"").Output()
		if want, _ := find("A"); string(got) != want || err != nil {
			t.Errorf("%q: the shell got %q, %v, want %q", line, got, err, want)
		}
	}
}
