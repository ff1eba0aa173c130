package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// observe is the folder of what watches farhook from outside.
var observe = filepath.Join("..", "..", "packaging", "observe")

// dashboard reads the expressions of all panels; their variables are those of Grafana.
func dashboard(t *testing.T) (exprs []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(observe, "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			ID      int
			Type    string
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	seen := make(map[int]bool)
	for _, p := range d.Panels {
		if seen[p.ID] || p.Title == "" || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d %q: its id is there twice, or it shows nothing", p.ID, p.Title)
		}
		seen[p.ID] = true
		for _, x := range p.Targets {
			exprs = append(exprs, strings.ReplaceAll(x.Expr, "$__rate_interval", "5m"))
		}
	}
	return exprs
}

// Each metric that the rules and the dashboard name is one that there is (docs/metrics.md, which another test compares with the registry).
func TestObservedMetricsAreThere(t *testing.T) {
	there := documented(t)
	rules, err := os.ReadFile(filepath.Join(observe, "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	part := regexp.MustCompile(`_(bucket|sum|count)$`)
	names := regexp.MustCompile(`farhook_\w+`).FindAllString(string(rules)+strings.Join(dashboard(t), "\n"), -1)
	if len(names) < 40 {
		t.Errorf("%d metrics are named", len(names))
	}
	for _, n := range names {
		if there[n] == "" && there[part.ReplaceAllString(n, "")] == "" {
			t.Errorf("there is no metric %s", n)
		}
	}
}

// Each label that they ask for is one that the metric has.
func TestObservedLabelsAreThere(t *testing.T) {
	rules, err := os.ReadFile(filepath.Join(observe, "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	labels := make(map[string]string)
	for _, m := range regexp.MustCompile("(?m)^\\| `(farhook_\\w+)` \\| \\w+ \\| ([^|]*) \\|").FindAllStringSubmatch(pages(t)["docs/metrics.md"], -1) {
		labels[m[1]] = m[2]
	}
	part := regexp.MustCompile(`_(bucket|sum|count)$`)
	n := 0
	for _, m := range regexp.MustCompile(`(farhook_\w+)\{([^}]*)\}`).FindAllStringSubmatch(string(rules)+strings.Join(dashboard(t), "\n"), -1) {
		for _, l := range regexp.MustCompile(`(\w+)\s*[=!]`).FindAllStringSubmatch(m[2], -1) {
			has := append(strings.Split(labels[m[1]]+", "+labels[part.ReplaceAllString(m[1], "")], ", "), "instance", "job", "le")
			if n++; !slices.Contains(has, l[1]) {
				t.Errorf("%s has no label %s", m[1], l[1])
			}
		}
	}
	if n < 5 {
		t.Errorf("%d labels are asked for", n)
	}
}

// Each alert is tried: one time it comes, and another it doesn't.
func TestAlertsAreTried(t *testing.T) {
	read := func(name string, to any) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(observe, name))
		if err == nil {
			err = yaml.Unmarshal(text, to)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert string }
		}
	}
	var tests struct {
		Tests []struct {
			Alerts []struct {
				Name string `yaml:"alertname"`
				Want []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	read("alerts.yml", &rules)
	read("alerts_test.yml", &tests)
	comes, doesNot := make(map[string]bool), make(map[string]bool)
	for _, x := range tests.Tests {
		for _, a := range x.Alerts {
			comes[a.Name], doesNot[a.Name] = comes[a.Name] || len(a.Want) > 0, doesNot[a.Name] || len(a.Want) == 0
		}
	}
	n := 0
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			n++
			if !comes[r.Alert] || !doesNot[r.Alert] && r.Alert != "FarhookCertificateExpires" { // whose test has certificates that don't end
				t.Errorf("%s: tried to come: %v, and not to: %v", r.Alert, comes[r.Alert], doesNot[r.Alert])
			}
		}
	}
	if n < 19 {
		t.Errorf("%d alerts", n)
	}
}

// Prometheus itself understands the rules and the dashboard's expressions, and alerts come when they should.
func TestRulesByPromtool(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("FARHOOK_CI") != "" {
			t.Fatal(err)
		}
		t.Skip("promtool is missing")
	}
	promtool := func(dir string, args ...string) {
		t.Helper()
		c := exec.CommandContext(t.Context(), tool, args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	promtool(observe, "check", "rules", "alerts.yml")
	promtool(observe, "test", "rules", "alerts_test.yml")
	var b strings.Builder
	b.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for i, x := range dashboard(t) {
		fmt.Fprintf(&b, "  - {record: 'panel:%d', expr: %q}\n", i, x)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "panels.yml"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(dir, "check", "rules", "panels.yml")
}
