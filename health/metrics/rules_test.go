package metrics_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// promtool runs the tool of Prometheus, and returns what it says.
func promtool(t *testing.T, in string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		const what = "promtool (Debian package prometheus)"
		if os.Getenv("REQUIRE_SERVICES") == "1" {
			t.Fatalf("missing: %s", what)
		}
		t.Skipf("missing: %s", what)
	}
	cmd := exec.CommandContext(t.Context(), "promtool", args...)
	cmd.Stdin = strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// The rules are well formed, and say what they should, when they should.
func TestRules(t *testing.T) {
	t.Parallel()
	promtool(t, "", "check", "rules", "rules.yaml")
	promtool(t, "", "test", "rules", "testdata/rules_test.yaml")
}

// What Prometheus reads is what it likes, and all of it has been thought of.
func TestMetricsAsPrometheusLikesThem(t *testing.T) {
	t.Parallel()
	if out := promtool(t, played(t), "check", "metrics"); strings.TrimSpace(out) != "" {
		t.Errorf("promtool says %s", out)
	}
}

// played returns what Prometheus reads after everything has happened once.
func played(t *testing.T) (text string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, "!v1")
		defer s.run(t)()
		s.play(t)
		text = s.text(t)
	})
	return text
}

var metricName = regexp.MustCompile(`\bsessionring_\w+`)

// Every metric that the documentation, the rules and the dashboard name is shown, with
// the labels they name, and every one that is shown is documented and on the dashboard.
func TestNames(t *testing.T) {
	t.Parallel()
	text := played(t)
	shown := names(regexp.MustCompile(`(?m)^# TYPE (\w+)`), text)
	if len(shown) < 20 {
		t.Fatalf("got only the metrics %q", shown)
	}
	for _, file := range []string{"doc.go", "rules.yaml", "grafana.json"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		named := names(metricName, string(data))
		for _, name := range named {
			if !slices.Contains(shown, name) {
				t.Errorf("%s names %s, which is not shown", file, name)
			}
		}
		for _, name := range shown {
			if file != "rules.yaml" && !slices.Contains(named, name) {
				t.Errorf("%s does not name %s", file, name)
			}
		}
		for _, label := range regexp.MustCompile(`(\w+)(?:=~|!~|=)\\?"([a-z_|]+)\\?"`).FindAllStringSubmatch(string(data), -1) {
			for _, value := range strings.Split(label[2], "|") {
				if !strings.Contains(text, label[1]+`="`+value+`"`) {
					t.Errorf("%s selects %s=%q, which is not shown", file, label[1], value)
				}
			}
		}
	}
}

// Every alert that session documents is shown, also while it is not in force, is in the
// README, and is in one of the rules.
func TestAlertNames(t *testing.T) {
	t.Parallel()
	read := func(file, pattern string) []string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return names(regexp.MustCompile(pattern), string(text))
	}
	want := read("../../session/alerts.go", `(?m)^\t//\t([a-z_]+)  `)
	shown := names(regexp.MustCompile(`alert_active\{alert="(\w+)"\} 0`), played(t))
	listed := read("../../README.md", "(?m)^\\| `([a-z]+_[a-z_]+)` \\|")
	var ruled []string
	for _, list := range read("rules.yaml", `alert_active\{alert=~"([a-z_|]+)"\}`) {
		ruled = append(ruled, strings.Split(list, "|")...)
	}
	if slices.Sort(ruled); !slices.Equal(ruled, want) {
		t.Errorf("got rules for %q, want one for each of %q", ruled, want)
	}
	if !slices.Equal(shown, want) || !slices.Equal(listed, want) || len(want) == 0 {
		t.Errorf("got %q, in the README %q, want the names of session.Alert, %q", shown, listed, want)
	}
}

// names returns what a pattern finds, each once.
func names(pattern *regexp.Regexp, text string) (list []string) {
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		list = append(list, m[len(m)-1])
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// The dashboard is one that Grafana takes: panels with ids of their own, and an
// expression in each target, which Prometheus can parse.
func TestGrafana(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title  string
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(data, &board); err != nil || board.Title == "" || len(board.Panels) == 0 {
		t.Fatalf("got %+v, %v", board, err)
	}
	ids := map[int]bool{}
	rules := "groups:\n- name: dashboard\n  rules:\n"
	for _, p := range board.Panels {
		if ids[p.ID] || p.Title == "" || len(p.Targets) == 0 {
			t.Errorf("panel %d %q: got a second one of that id, or no title, or no target", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			expr, _ := json.Marshal(strings.ReplaceAll(target.Expr, "$__rate_interval", "5m"))
			rules += "  - record: x\n    expr: " + string(expr) + "\n    labels: {of: " + names(metricName, target.Expr)[0] + "}\n"
		}
	}
	file := t.TempDir() + "/dashboard.yaml"
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "", "check", "rules", file)
}
