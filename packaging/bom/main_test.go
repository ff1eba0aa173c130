package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/xeipuuv/gojsonschema"
)

// schema is CycloneDX's own for JSON, from the module of its library; what it refers to stands beside it.
func schema(t *testing.T) *gojsonschema.Schema {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) gojsonschema.JSONLoader {
		text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "schema", name))
		if err != nil {
			t.Fatal(err)
		}
		return gojsonschema.NewBytesLoader(text)
	}
	l := gojsonschema.NewSchemaLoader()
	for id, name := range map[string]string{
		"http://cyclonedx.org/schema/spdx.schema.json":     "spdx.schema.json",
		"http://cyclonedx.org/schema/jsf-0.82.schema.json": "jsf-0.82.schemax.json",
	} {
		if err := l.AddSchema(id, read(name)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := l.Compile(read("bom-1.5.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wrongs are what the schema has against a document.
func wrongs(t *testing.T, s *gojsonschema.Schema, text []byte) (all []string) {
	t.Helper()
	r, err := s.Validate(gojsonschema.NewBytesLoader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range r.Errors() {
		all = append(all, e.String())
	}
	return all
}

// console is a folder like the console's, as far as the bill needs it; the real one where npm has been there.
func console(t *testing.T) string {
	t.Helper()
	own := filepath.Join("..", "..", "web", "console")
	if _, err := os.Stat(filepath.Join(own, "node_modules", "svelte")); err == nil {
		return own
	}
	if os.Getenv("FARHOOK_CI") != "" {
		t.Fatal("npm ci hasn't been run in web/console")
	}
	dir := t.TempDir()
	lock := map[string]map[string]string{}
	for _, name := range []string{"svelte", "@lucide/svelte"} {
		lock["node_modules/"+name] = map[string]string{"version": "1.2.3", "license": "MIT"}
		at := filepath.Join(dir, "node_modules", name)
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at, "LICENSE.md"), []byte("Permission is hereby granted, free of charge, to "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(map[string]any{"packages": lock})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "package-lock.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The bill of the real program is one by CycloneDX's own schema and library. Each module that the linker put in is there once, with a licence that SPDX knows, and the notices have its text.
func TestBill(t *testing.T) {
	dir := t.TempDir()
	binary, sbom, notices := filepath.Join(dir, "farhook"), filepath.Join(dir, "sbom.json"), filepath.Join(dir, "notices.txt")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "farhook/cmd/farhook")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := run(binary, "1.2.3", console(t), sbom, notices); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(sbom)
	if err != nil {
		t.Fatal(err)
	}
	s := schema(t)
	if all := wrongs(t, s, text); len(all) > 0 {
		t.Errorf("the schema says:\n%s", strings.Join(all, "\n"))
	}
	for was, is := range map[string]string{ // it does say something
		`"bomFormat": "CycloneDX"`: `"bomFormat": "SPDX"`, `"type": "application"`: `"type": "program"`, `"Apache-2.0"`: `"Apache"`, `"name": "std"`: `"title": "std"`,
	} {
		if all := wrongs(t, s, bytes.Replace(text, []byte(was), []byte(is), 1)); len(all) == 0 {
			t.Errorf("the schema has nothing against %s", is)
		}
	}
	var bill cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&bill); err != nil {
		t.Fatal(err)
	}
	if c := bill.Metadata.Component; c.Name != "farhook" || c.Version != "1.2.3" || c.Type != cdx.ComponentTypeApplication {
		t.Errorf("it is a bill of %+v", c)
	}
	said, err := os.ReadFile(notices)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]int{}
	for _, c := range *bill.Components {
		listed[c.PackageURL]++
		if !bytes.Contains(said, []byte("\n"+c.Name+" "+c.Version+" (")) {
			t.Errorf("the notices don't name %s %s", c.Name, c.Version)
		}
	}
	out, err := exec.Command("go", "version", "-m", binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) >= 3 && f[0] == "dep" {
			n++
			if at := "pkg:golang/" + f[1] + "@" + f[2]; listed[at] != 1 {
				t.Errorf("%s is listed %d times", at, listed[at])
			}
		}
	}
	if n < 30 || listed["pkg:golang/std@"+strings.TrimPrefix(goVersion(t), "go")] != 1 {
		t.Errorf("%d modules, and std in %v", n, listed)
	}
	if listed["pkg:npm/svelte@1.2.3"] != 1 && !bytes.Contains(text, []byte("pkg:npm/svelte@")) {
		t.Error("nothing of the console is listed")
	}
}

func goVersion(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOVERSION").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// What has no licence, or one that nobody knows, is no part of a release.
func TestLicenceIsKnown(t *testing.T) {
	for name, text := range map[string]string{"none": "", "unknown": "All rights reserved."} {
		dir := t.TempDir()
		if text != "" {
			if err := os.WriteFile(filepath.Join(dir, "LICENSE"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p := part{name: name}
		if err := p.read(dir); err != nil || p.licence != "" {
			t.Errorf("%s: %v, %q", name, err, p.licence)
		}
	}
	dir := console(t)
	lock, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	bare := t.TempDir()
	if err := os.WriteFile(filepath.Join(bare, "package-lock.json"), lock, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range inBundle {
		if err := os.MkdirAll(filepath.Join(bare, "node_modules", name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := run(self, "1", bare, filepath.Join(bare, "s"), filepath.Join(bare, "n")); err == nil || !strings.Contains(err.Error(), "no licence was found") {
		t.Errorf("a package without a licence: %v", err)
	}
}
