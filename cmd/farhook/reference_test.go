package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
)

// The page has a row for each service that there is, and a column for each kind of PBX; make generate holds the committed one against it.
func TestSupportPage(t *testing.T) {
	var out, errs output
	if status := run(t.Context(), []string{"reference", "support"}, &out, &errs); status != 0 {
		t.Fatal(errs.String())
	}
	page := out.String()
	if want := "| service | " + strings.Join(adapterKinds(), " | ") + " |\n"; !strings.Contains(page, want) {
		t.Errorf("no %q", want)
	}
	cells := strings.Repeat(` (yes|gateway|experimental|–) \|`, len(adapters))
	for _, s := range append(switchboard.KnownServices(), switchboard.SessionServices()...) {
		if n := len(regexp.MustCompile(`(?m)^\| `+string(s)+` \|`+cells+`$`).FindAllString(page, -1)); n != 1 {
			t.Errorf("%s: %d rows", s, n)
		}
	}
}

// The page has every key that a configuration may have: a change of any is named by a path of the page.
func TestConfigurationPage(t *testing.T) {
	var out, errs output
	if status := run(t.Context(), []string{"reference", "configuration"}, &out, &errs); status != 0 {
		t.Fatal(errs.String())
	}
	c, err := parse("test", []byte(simExample))
	if err != nil {
		t.Fatal(err)
	}
	entry := regexp.MustCompile(`\[[^]]*\]`)
	for path := range c.flat() {
		path = entry.ReplaceAllString(path, "[]")
		if strings.HasPrefix(path, "pbx[].settings.") || strings.HasPrefix(path, "pbx[].numbers") || strings.HasPrefix(path, "directory.ldap") {
			continue // the kind's own; lists that are empty here
		}
		if !strings.Contains(out.String(), "| `"+path) {
			t.Errorf("%s is not on the page", path)
		}
	}
}

// The page of errors is the committed one, and has a row for each negative answer that the program knows: of the standard's, of SIP, and over REST. What a row says of it is as the program answers.
func TestErrorsPage(t *testing.T) {
	var out, errs output
	if status := run(t.Context(), []string{"reference", "errors"}, &out, &errs); status != 0 {
		t.Fatal(errs.String())
	}
	page := out.String()
	if page != pages(t)["docs/errors.md"] {
		t.Error("docs/errors.md isn't what the program says: make generate")
	}
	csta, rest, ok := strings.Cut(page, "\n## SIP answers\n")
	sip, rest, ok2 := strings.Cut(rest, "\n## REST problems\n")
	if !ok || !ok2 {
		t.Fatal(page)
	}
	row := func(part, begin string) {
		t.Helper()
		cell := `[^|]*[^| ][^|]*\|`
		if n := len(regexp.MustCompile(`(?m)^\| `+begin+cell+cell+`$`).FindAllString(part, -1)); n != 1 {
			t.Errorf("%s: %d rows", begin, n)
		}
	}
	// The standard's: every variable that csta/error.go has for one.
	known := map[[2]string]bool{}
	for _, e := range cstaErrors {
		if known[[2]string{e.err.Category, e.err.Value}] {
			t.Errorf("%v: twice", e.err)
		}
		known[[2]string{e.err.Category, e.err.Value}] = true
		row(csta, fmt.Sprintf("%s \\| %s \\| %d \\| `%s` \\|", e.err.Category, cmp.Or(e.err.Value, "–"), switchboard.HTTPStatus(e.err), regexp.QuoteMeta(switchboard.Type(e.err))))
	}
	named := variablesOf(t, filepath.Join("..", "..", "csta", "error.go"), "Err")
	if len(named) < 40 || len(cstaErrors) != len(named) {
		t.Errorf("csta has %d errors, the page %d", len(named), len(cstaErrors))
	}
	// SIP's: what uacsta has a phrase for.
	for status, phrase := range uacsta.Statuses() {
		if status != 200 {
			row(sip, fmt.Sprintf("%d %s \\|", status, phrase))
		}
	}
	if len(sipAnswers)+1 != len(uacsta.Statuses()) {
		t.Errorf("the page has %d SIP statuses, the program %d", len(sipAnswers), len(uacsta.Statuses())-1)
	}
	// REST's: what the operations say that they may answer, what the standard's errors have, and what is answered outside the operations.
	text, err := os.ReadFile(filepath.Join("..", "..", "web", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	statuses := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^ +"([45]\d\d)":`).FindAllStringSubmatch(string(text), -1) {
		statuses[m[1]] = true
	}
	for _, e := range cstaErrors {
		statuses[fmt.Sprint(switchboard.HTTPStatus(e.err))] = true
	}
	for _, m := range sources(t, filepath.Join("..", "..", "web"), `http\.(Status[A-Z]\w+)`) {
		status := statusNamed[m]
		if status == 0 && !strings.HasPrefix(m, "StatusText") {
			t.Errorf("http.%s: which status is that?", m)
		}
		if status >= 400 {
			statuses[fmt.Sprint(status)] = true
		}
	}
	for status := range statuses {
		n, _ := strconv.Atoi(status)
		row(rest, fmt.Sprintf("%d %s \\|", n, http.StatusText(n)))
	}
	if len(statuses) != len(restProblems) {
		t.Errorf("the page has %d statuses, the program %d", len(restProblems), len(statuses))
	}
}

// statusNamed are the names that the web's sources may use.
var statusNamed = map[string]int{
	"StatusOK": 200, "StatusCreated": 201, "StatusAccepted": 202, "StatusNoContent": 204, "StatusFound": 302, "StatusSeeOther": 303, "StatusNotModified": 304,
	"StatusBadRequest": 400, "StatusUnauthorized": 401, "StatusForbidden": 403, "StatusNotFound": 404, "StatusMethodNotAllowed": 405, "StatusConflict": 409,
	"StatusRequestEntityTooLarge": 413, "StatusUnsupportedMediaType": 415, "StatusUnprocessableEntity": 422, "StatusTooManyRequests": 429,
	"StatusInternalServerError": 500, "StatusNotImplemented": 501, "StatusBadGateway": 502, "StatusServiceUnavailable": 503, "StatusGatewayTimeout": 504,
}

// sources gives what a pattern's group matches in the program's own sources below a folder, of those who answer: webhooks ask others.
func sources(t *testing.T, dir, pattern string) (found []string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "node_modules" || d.Name() == "internal" || d.Name() == "webhook") {
			return filepath.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range re.FindAllSubmatch(text, -1) {
			found = append(found, string(m[1]))
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatal(err, "nothing found")
	}
	return found
}

// variablesOf are the variables of a file that begin so.
func variablesOf(t *testing.T, file, prefix string) (names []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			for _, n := range s.(*ast.ValueSpec).Names {
				if strings.HasPrefix(n.Name, prefix) {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}
