package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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

// Prometheus itself understands the rules and the dashboard's expressions, and alerts come when they should.
func TestRulesByPromtool(t *testing.T) {
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
