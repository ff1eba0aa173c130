package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The configuration comes from a file, then from the files of the folder conf.d beside it, in the order of their names, then from the environment. What
// comes later wins, value by value; the lists pbx and peers are added to.

// source is one of them.
type source struct {
	name string
	doc  *ast.File
	env  bool           // a variable of the environment, which has no lines
	from map[string]int // where its part of a list that is added to begins
	read []string       // files with secrets that it names
}

// added are the lists that later sources add to.
func (c *Config) added() map[string]reflect.Value {
	return map[string]reflect.Value{"pbx": reflect.ValueOf(&c.PBX).Elem(), "peers": reflect.ValueOf(&c.Peers).Elem()}
}

// load reads, decodes and validates the file and what belongs to it. Its error names file, line and field of everything that is wrong.
func load(file string) (Config, error) {
	type text struct {
		name string
		text []byte
	}
	main, err := readConfig(file)
	if err != nil {
		return Config{}, err
	}
	texts := []text{{file, main}}
	var more []string
	for _, form := range []string{"*.yaml", "*.yml"} {
		some, err := filepath.Glob(filepath.Join(filepath.Dir(file), "conf.d", form))
		if err != nil {
			return Config{}, err
		}
		more = append(more, some...)
	}
	slices.Sort(more)
	for _, name := range more {
		b, err := readConfig(name)
		if err != nil {
			return Config{}, err
		}
		texts = append(texts, text{name, b})
	}
	var sources []source
	for _, t := range texts {
		s, err := read(t.name, t.text)
		if err != nil {
			return defaults(), err
		}
		sources = append(sources, s)
	}
	env, err := environment(os.Environ())
	if err != nil {
		return defaults(), err
	}
	c, err := decode(append(sources, env...))
	c.file = file
	for _, s := range append(sources, env...) {
		c.secrets = append(c.secrets, s.read...)
	}
	return c, err
}

func readConfig(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("%s: cannot read the configuration: %w", file, err)
	}
	return text, nil
}

// parse is load for one text.
func parse(file string, text []byte) (Config, error) {
	s, err := read(file, text)
	if err != nil {
		return defaults(), err
	}
	return decode([]source{s})
}

// read parses one text, and puts secrets that stand in files of their own into their places.
func read(name string, text []byte) (source, error) {
	s := source{name: name, from: map[string]int{}}
	text, err := characters(text)
	if err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	if s.doc, err = parser.ParseBytes(text, 0); err != nil {
		return s, fmt.Errorf("%s: %s", name, oneLine(err))
	}
	if len(s.doc.Docs) > 1 {
		return s, fmt.Errorf("%s: one YAML document is wanted, not %d", name, len(s.doc.Docs))
	}
	if len(s.doc.Docs) == 1 && s.doc.Docs[0].Body != nil {
		f := &filler{dir: filepath.Dir(name)}
		ast.Walk(f, s.doc.Docs[0].Body)
		s.read = f.read
		if f.err != nil {
			return s, fmt.Errorf("%s: %w", name, f.err)
		}
	}
	return s, nil
}

// decode puts the sources over the defaults, one after the other, and validates what comes of it.
func decode(sources []source) (Config, error) {
	c := defaults()
	for i := range sources {
		s := &sources[i]
		if len(s.doc.Docs) == 0 || s.doc.Docs[0].Body == nil {
			continue
		}
		before := map[string]reflect.Value{}
		for name, list := range c.added() {
			s.from[name] = list.Len()
			before[name] = reflect.ValueOf(list.Interface())
			list.SetZero()
		}
		if err := s.fits(); err != nil {
			return c, err
		}
		if err := yaml.NewDecoder(strings.NewReader(""), yaml.Strict()).DecodeFromNode(s.doc.Docs[0].Body, &c); err != nil {
			return c, fmt.Errorf("%s: %s", s.name, oneLine(err))
		}
		for name, list := range c.added() {
			list.Set(reflect.AppendSlice(before[name], list))
		}
	}
	var all []error
	for _, w := range c.wrongs() {
		name, line, path, best := sources[0].name, "", w.path, 0
		for _, s := range sources { // the last one that has it is the one that counts; one that has more of the path before one that has less
			own := s.own(w.path)
			if at, depth := lineOf(s.doc, own); depth > 0 && depth >= best {
				name, line, path, best = s.name, at, own, depth
				if s.env {
					line = ""
				}
			}
		}
		all = append(all, fmt.Errorf("%s:%s %s: %s", name, line, strings.TrimPrefix(path, "$."), w.what))
	}
	return c, errors.Join(all...)
}

// fits says everything in which the document has another form than a configuration.
func (s *source) fits() error {
	var all []error
	for _, m := range misfits("", s.doc.Docs[0].Body, reflect.TypeFor[Config]()) {
		line := fmt.Sprintf("line %d: ", m.line)
		if s.env {
			line = ""
		}
		if m.path != "" {
			line += m.path + ": "
		}
		all = append(all, fmt.Errorf("%s: %s%s", s.name, line, m.what))
	}
	return errors.Join(all...)
}

// mostOpen is how many brackets may be open at one place of a file.
const mostOpen = 200

// characters is the text of a file without the mark at its beginning that some editors leave. The error says where it's no text.
func characters(text []byte) ([]byte, error) {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return nil, errors.New("it is UTF-16: save it as UTF-8")
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	line, open := 1, 0
	for rest := text; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		switch r {
		case '[', '{':
			open++
		case ']', '}':
			open = max(open-1, 0)
		}
		switch {
		case open > mostOpen: // the parser would take all memory for some thousands
			return nil, fmt.Errorf("line %d: more than %d brackets are open", line, mostOpen)
		case r == utf8.RuneError && n == 1:
			return nil, fmt.Errorf("line %d: the octet %#02x is no UTF-8: save the file as UTF-8", line, rest[0])
		case r == '\n':
			line++
		case r < ' ' && r != '\t' && r != '\r' || r == 0x7f:
			return nil, fmt.Errorf("line %d: the control character U+%04X", line, r)
		}
		rest = rest[n:]
	}
	return text, nil
}

// own is a path into the whole as one into this source: $.pbx[3] is its $.pbx[0], where three are of earlier ones.
func (s *source) own(path string) string {
	for name, from := range s.from {
		rest, inList := strings.CutPrefix(path, "$."+name+"[")
		number, rest, closed := strings.Cut(rest, "]")
		if n, err := strconv.Atoi(number); inList && closed && err == nil {
			if n < from {
				return "" // an earlier one's
			}
			return fmt.Sprintf("$.%s[%d]%s", name, n-from, rest)
		}
	}
	return path
}

// lineOf is where a path, or the nearest of its parents that is in the document, stands; depth is how many keys of it are there.
func lineOf(doc *ast.File, path string) (line string, depth int) {
	for path != "" && path != "$" {
		if p, err := yaml.PathString(path); err == nil {
			if n, err := p.FilterFile(doc); err == nil && n != nil && n.GetToken() != nil {
				return " line " + strconv.Itoa(n.GetToken().Position.Line) + ":", strings.Count(path, ".") + strings.Count(path, "[")
			}
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return "", 0
}

// oneLine puts the YAML library's "[3:5] unknown field …" and its excerpt into one sentence.
func oneLine(err error) string {
	s, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
	if pos, rest, ok := strings.Cut(s, "] "); ok && strings.HasPrefix(pos, "[") {
		line, _, _ := strings.Cut(pos[1:], ":")
		if strings.Contains(rest, "found character '\t'") {
			rest = "a tab: YAML is indented by blanks"
		}
		return "line " + line + ": " + rest
	}
	return s
}

// maxSecret is how large a file with a secret may be.
const maxSecret = 64 << 10

// filler puts the content of files into the places of values that say !file PATH.
type filler struct {
	dir  string   // relative paths begin here
	read []string // paths
	err  error
}

// Visit looks at one node.
func (f *filler) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.MappingValueNode:
		if t, ok := n.Value.(*ast.TagNode); ok {
			n.Value = f.fill(t)
		}
	case *ast.SequenceNode:
		for i, v := range n.Values {
			if t, ok := v.(*ast.TagNode); ok {
				n.Values[i] = f.fill(t)
			}
		}
	}
	return f
}

func (f *filler) fill(t *ast.TagNode) ast.Node {
	if t.Start.Value != "!file" {
		return t
	}
	pos := t.GetToken().Position
	fail := func(format string, args ...any) ast.Node {
		f.err = errors.Join(f.err, fmt.Errorf("line %d: "+format, append([]any{pos.Line}, args...)...))
		return t
	}
	path, ok := t.Value.(*ast.StringNode)
	if !ok || path.Value == "" {
		return fail("!file wants the path of a file")
	}
	name := path.Value
	if !filepath.IsAbs(name) {
		name = filepath.Join(f.dir, name)
	}
	f.read = append(f.read, name)
	info, err := os.Stat(name)
	if err == nil && info.Size() > maxSecret {
		return fail("!file %s: it has %d octets; at most %d are wanted", path.Value, info.Size(), maxSecret)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return fail("!file %w", err)
	}
	text := strings.TrimRight(string(b), "\r\n")
	if text == "" {
		return fail("!file %s: it is empty", path.Value)
	}
	return ast.String(token.New(text, text, pos))
}

// prefix of variables of the environment, and what stands for the dot of a path in their names.
const (
	envPrefix = "FARHOOK_"
	envDot    = "__"
)

// environment is the variables FARHOOK_SIP__CONTACT and so on as sources: __ stands between the keys of a path. The value is YAML, as it would stand in
// the file. Variables without __ count where a key of that name exists.
func environment(vars []string) ([]source, error) {
	top := map[string]bool{}
	for f := range reflect.TypeFor[Config]().Fields() {
		top[f.Tag.Get("yaml")] = true
	}
	var sources []source
	slices.Sort(vars)
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		path, ours := strings.CutPrefix(name, envPrefix)
		keys := strings.Split(strings.ToLower(path), envDot)
		if !ours || len(keys) == 1 && !top[keys[0]] {
			continue
		}
		if strings.ContainsAny(value, "\r\n") {
			return nil, fmt.Errorf("%s: a value of the environment has one line", name)
		}
		var text strings.Builder
		for depth, k := range keys {
			fmt.Fprintf(&text, "%s%s: ", strings.Repeat("  ", depth), k)
			if depth < len(keys)-1 {
				text.WriteByte('\n')
			}
		}
		text.WriteString(value)
		s, err := read(name, []byte(text.String()))
		if err != nil {
			return nil, err
		}
		s.env = true
		sources = append(sources, s)
	}
	return sources, nil
}
