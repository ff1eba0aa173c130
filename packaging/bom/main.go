// Bom says what a binary of ours is made of: a CycloneDX bill of materials, and the notices of everybody whose code is in it.
//
//	go run ./packaging/bom -binary dist/farhook_linux_amd64 -version 1.0.0 -sbom dist/farhook.cdx.json -notices dist/NOTICES.txt
package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	binary := flag.String("binary", "", "the program")
	version := flag.String("version", "", "its version")
	console := flag.String("console", "web/console", "where the console's package-lock.json is")
	sbom := flag.String("sbom", "", "where the bill of materials goes")
	notices := flag.String("notices", "", "where the notices go")
	flag.Parse()
	if err := run(*binary, *version, *console, *sbom, *notices); err != nil {
		fmt.Fprintln(os.Stderr, "bom:", err)
		os.Exit(1)
	}
}

// part is one module or package whose code is in the binary.
type part struct {
	name, version, purl string
	licence             string // SPDX
	texts               []string
}

func run(binary, version, console, sbom, notices string) error {
	parts, err := modules(binary)
	if err != nil {
		return err
	}
	bundled, err := packages(console)
	if err != nil {
		return err
	}
	parts = append(parts, bundled...)
	for _, p := range parts {
		if p.licence == "" || len(p.texts) == 0 {
			return fmt.Errorf("%s %s: no licence was found for it", p.name, p.version)
		}
	}
	if err := os.WriteFile(sbom, document(version, parts), 0o644); err != nil {
		return err
	}
	return os.WriteFile(notices, texts(parts), 0o644)
}

// modules are those that the linker put into the binary, and the language's own library.
func modules(binary string) ([]part, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	std := part{name: "std", version: strings.TrimPrefix(info.GoVersion, "go"), purl: "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go")}
	if err := std.read(strings.TrimSpace(string(goroot))); err != nil {
		return nil, err
	}
	parts := []part{std}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", m.Path).Output()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		p := part{name: m.Path, version: m.Version, purl: "pkg:golang/" + m.Path + "@" + m.Version}
		if err := p.read(strings.TrimSpace(string(out))); err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// inBundle are the npm packages whose code the built console contains; the others only build and test it.
var inBundle = []string{"svelte", "esm-env", "clsx", "bits-ui", "@lucide/svelte"}

// packages are those of them that are installed.
func packages(console string) ([]part, error) {
	text, err := os.ReadFile(filepath.Join(console, "package-lock.json"))
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]struct{ Version, License string }
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, err
	}
	var parts []part
	for _, name := range inBundle {
		l, found := lock.Packages["node_modules/"+name]
		if !found {
			continue
		}
		p := part{name: name, version: l.Version, purl: "pkg:npm/" + strings.Replace(name, "@", "%40", 1) + "@" + l.Version}
		if err := p.read(filepath.Join(console, "node_modules", name)); err != nil {
			return nil, err
		}
		p.licence = l.License
		parts = append(parts, p)
	}
	return parts, nil
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([-.].*)?$`)

// read takes the licence texts of a folder.
func (p *part) read(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("%s: %w (go mod download, npm ci)", p.name, err)
	}
	for _, f := range files {
		if f.IsDir() || !licenceFile.MatchString(f.Name()) || strings.HasSuffix(f.Name(), ".go") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		p.texts = append(p.texts, strings.TrimSpace(string(b)))
		if p.licence == "" {
			p.licence = spdx(string(b))
		}
	}
	return nil
}

// spdx names a licence by what its text says.
func spdx(text string) string {
	flat := strings.Join(strings.Fields(text), " ")
	for _, l := range []struct{ says, name string }{
		{"Apache License Version 2.0", "Apache-2.0"},
		{"Mozilla Public License Version 2.0", "MPL-2.0"},
		{"Neither the name", "BSD-3-Clause"},
		{"endorse or promote products derived", "BSD-3-Clause"},
		{"Redistribution and use in source and binary forms", "BSD-2-Clause"},
		{"Permission to use, copy, modify, and/or distribute this software", "ISC"},
		{"Permission to use, copy, modify, and distribute this software", "ISC"},
		{"Permission is hereby granted, free of charge", "MIT"},
	} {
		if strings.Contains(flat, l.says) {
			return l.name
		}
	}
	return ""
}

// document is the bill of materials, in CycloneDX 1.5.
func document(version string, parts []part) []byte {
	type licence struct {
		Licence struct {
			ID string `json:"id"`
		} `json:"license"`
	}
	type component struct {
		Type     string    `json:"type"`
		Ref      string    `json:"bom-ref,omitempty"`
		Name     string    `json:"name"`
		Version  string    `json:"version"`
		Licences []licence `json:"licenses,omitempty"`
		PURL     string    `json:"purl,omitempty"`
	}
	var doc struct {
		Format      string `json:"bomFormat"`
		SpecVersion string `json:"specVersion"`
		Version     int    `json:"version"`
		Metadata    struct {
			Component component `json:"component"`
		} `json:"metadata"`
		Components []component `json:"components"`
	}
	doc.Format, doc.SpecVersion, doc.Version = "CycloneDX", "1.5", 1
	doc.Metadata.Component = component{Type: "application", Ref: "farhook", Name: "farhook", Version: version}
	for _, p := range parts {
		c := component{Type: "library", Ref: p.purl, Name: p.name, Version: p.version, PURL: p.purl, Licences: make([]licence, 1)}
		c.Licences[0].Licence.ID = p.licence
		doc.Components = append(doc.Components, c)
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		panic(err) // strings and numbers only
	}
	return append(b, '\n')
}

// texts are the notices: each text once, under the names of all that have it.
func texts(parts []part) []byte {
	by := map[string][]string{}
	var order []string
	for _, p := range parts {
		for _, t := range p.texts {
			if by[t] == nil {
				order = append(order, t)
			}
			by[t] = append(by[t], p.name+" "+p.version+" ("+p.licence+")")
		}
	}
	var b bytes.Buffer
	b.WriteString("farhook contains code of these projects, under these licences.\n")
	for _, t := range order {
		slices.Sort(by[t])
		fmt.Fprintf(&b, "\n%s\n\n%s\n\n%s\n", strings.Repeat("=", 78), strings.Join(by[t], "\n"), t)
	}
	return b.Bytes()
}
