package main

import (
	"regexp"
	"strings"
	"testing"

	"farhook/pbxadapter/switchboard"
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
