package directory

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Entry is a person in a YAML file, or in the configuration.
type Entry struct {
	User       string   `yaml:"user"`
	Name       string   `yaml:"name"`
	Lines      []string `yaml:"lines"`
	Aliases    []string `yaml:"aliases"`
	Mail       string   `yaml:"mail"`
	Department string   `yaml:"department"`
	Delegates  []string `yaml:"delegates"`
	LineServer string   `yaml:"line_server"`
}

func (e Entry) person(from string) Person {
	return Person{
		User: e.User, Name: e.Name, Lines: e.Lines, Aliases: e.Aliases, Mail: e.Mail, Department: e.Department, Delegates: e.Delegates,
		LineServer: e.LineServer, From: from,
	}
}

// List is a Source of entries that stand in the configuration.
type List []Entry

// Name of the source.
func (List) Name() string { return "users" }

// Load gives the entries.
func (l List) Load(_ context.Context, f func(Person)) error {
	for i, e := range l {
		f(e.person(fmt.Sprintf("users[%d]", i)))
	}
	return nil
}

// File is a Source that reads a YAML file (a list of entries) or a CSV file (a head with the entries' names, several lines, aliases and delegates separated
// by |). The ending of its name says which.
type File string

// Name of the source.
func (File) Name() string { return "file" }

// maxFile is how large a file may be.
const maxFile = 256 << 20

// Load reads the file.
func (f File) Load(ctx context.Context, give func(Person)) error {
	file, err := os.Open(string(f))
	if err != nil {
		return err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil {
		return err
	} else if info.Size() > maxFile {
		return fmt.Errorf("%s has %d octets, %d are allowed", f, info.Size(), maxFile)
	}
	base := filepath.Base(string(f))
	switch strings.ToLower(filepath.Ext(string(f))) {
	case ".csv":
		err = readCSV(ctx, file, base, give)
	case ".yaml", ".yml":
		err = readYAML(ctx, file, base, give)
	default:
		return fmt.Errorf("%s: its name must end in .yaml or .csv", f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f, err)
	}
	return nil
}

// readYAML reads a list of entries, each for itself: a large list as a whole would take many times its size.
func readYAML(ctx context.Context, in io.Reader, name string, give func(Person)) error {
	r := bufio.NewReader(in)
	var block []byte
	at, line := 0, 0
	flush := func() error {
		if len(bytes.TrimSpace(block)) == 0 {
			block = block[:0]
			return nil
		}
		var one []Entry
		if err := yaml.NewDecoder(bytes.NewReader(block), yaml.Strict()).Decode(&one); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("the entry at line %d: %s", at, firstLine(err))
		}
		for _, e := range one {
			give(e.person(fmt.Sprintf("%s:%d", name, at)))
		}
		block = block[:0]
		return ctx.Err()
	}
	for {
		text, err := r.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		line++
		if bytes.HasPrefix(text, []byte("- ")) || bytes.Equal(bytes.TrimSpace(text), []byte("-")) && len(text) > 0 && text[0] == '-' {
			if err := flush(); err != nil {
				return err
			}
			at = line
		}
		if at == 0 && len(bytes.TrimSpace(text)) > 0 && text[0] != '#' && !bytes.HasPrefix(text, []byte("---")) && !bytes.HasPrefix(text, []byte("[")) {
			return fmt.Errorf("line %d: a list of entries is wanted, each beginning with \"- \" at the margin", line)
		}
		if at > 0 || bytes.HasPrefix(text, []byte("[")) {
			block = append(block, text...)
			if len(block) > 1<<20 {
				return fmt.Errorf("the entry at line %d has more than 1 MiB", at)
			}
		}
		if err != nil {
			return flush()
		}
	}
}

// firstLine puts the YAML library's "[3:5] unknown field …" and its excerpt into one sentence.
func firstLine(err error) string {
	s, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
	if pos, rest, ok := strings.Cut(s, "] "); ok && strings.HasPrefix(pos, "[") {
		return rest
	}
	return s
}

var csvColumns = []string{"user", "name", "lines", "aliases", "mail", "department", "delegates", "line_server"}

func readCSV(ctx context.Context, in io.Reader, name string, give func(Person)) error {
	b := bufio.NewReaderSize(in, 64<<10)
	head, err := b.Peek(1024)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	first, _, _ := strings.Cut(string(head), "\n")
	if strings.HasPrefix(first, "\ufeff") {
		_, _ = b.Discard(3)
	}
	r := csv.NewReader(b)
	r.ReuseRecord, r.TrimLeadingSpace = true, true
	if strings.Count(first, ";") > strings.Count(first, ",") {
		r.Comma = ';'
	}
	names, err := r.Read()
	if err != nil {
		return fmt.Errorf("no head with the names of the columns: %w", err)
	}
	names = slices.Clone(names)
	for i, n := range names {
		names[i] = strings.ToLower(strings.TrimSpace(n))
		if !slices.Contains(csvColumns, names[i]) || slices.Contains(names[:i], names[i]) {
			return fmt.Errorf("line 1: %q is no column, or is there twice: %s", clip(n), strings.Join(csvColumns, ", "))
		}
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		at, _ := r.FieldPos(0)
		p := Person{From: fmt.Sprintf("%s:%d", name, at)}
		for i, v := range row {
			v = strings.Clone(v) // the row's text is one string
			switch names[i] {
			case "user":
				p.User = v
			case "name":
				p.Name = v
			case "mail":
				p.Mail = v
			case "department":
				p.Department = v
			case "line_server":
				p.LineServer = v
			case "lines":
				p.Lines = values(v)
			case "aliases":
				p.Aliases = values(v)
			case "delegates":
				p.Delegates = values(v)
			}
		}
		give(p)
	}
}

func values(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "|")
}
