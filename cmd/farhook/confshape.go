package main

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Before a document is decoded its form is looked at: whether every key is one, and every value of its kind. So all of that is told at once, each by the
// path of its key, with what is wanted there, and not in the words of the decoder.

// mostValues is how many values a document may have, counting what stands for others as often as it does.
const mostValues = 1_000_000

// misfit is one place that has another form than is wanted.
type misfit struct {
	line       int
	path, what string
}

// shape looks through one document.
type shape struct {
	found   []misfit
	anchors map[string]ast.Node
	left    int
}

// misfits lists what of a document doesn't fit a type; path is the document's own place, and may be empty.
func misfits(path string, n ast.Node, t reflect.Type) []misfit {
	s := &shape{anchors: make(map[string]ast.Node), left: mostValues}
	s.look(path, n, t)
	return s.found
}

func (s *shape) say(n ast.Node, path, format string, args ...any) {
	line := 0
	if k := n.GetToken(); k != nil {
		line = k.Position.Line
	}
	s.found = append(s.found, misfit{line, path, fmt.Sprintf(format, args...)})
}

// kinds are what is wanted of a value, by the type that it has here.
var kinds = map[reflect.Kind]string{
	reflect.Struct: "a mapping (key: value)", reflect.Map: "a mapping (key: value)", reflect.Slice: "a list such as [one, two]", reflect.String: "text", reflect.Bool: "true or false",
	reflect.Int: "a whole number", reflect.Float64: "a number",
}

// look compares a node with a type.
func (s *shape) look(path string, n ast.Node, t reflect.Type) {
	if s.left--; s.left < 0 {
		if s.left == -1 {
			s.say(n, path, "there are more than %d values, counting what aliases stand for", mostValues)
		}
		return
	}
	switch x := n.(type) {
	case nil, *ast.NullNode:
		return
	case *ast.AnchorNode:
		name := x.Name.String()
		s.anchors[name] = nil // it is not whole yet
		s.look(path, x.Value, t)
		s.anchors[name] = x.Value
		return
	case *ast.AliasNode:
		name := x.Value.String()
		if to := s.anchors[name]; to != nil {
			s.look(path, to, t)
		} else if _, begun := s.anchors[name]; begun {
			s.say(n, path, "*%s stands for what it is a part of", name)
		}
		return
	case *ast.TagNode:
		if tag := x.Start.Value; !strings.HasPrefix(tag, "!!") {
			s.say(n, path, "there is no tag %s; a value from a file of its own is !file PATH", tag)
			return
		}
		s.look(path, x.Value, t)
		return
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[Duration]():
		s.read(path, n, new(Duration).UnmarshalYAML)
		return
	case reflect.TypeFor[Bytes]():
		s.read(path, n, new(Bytes).UnmarshalYAML)
		return
	case reflect.TypeFor[RawPart]():
		t = reflect.TypeFor[map[string]any]()
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		s.mapping(path, n, t)
	case reflect.Slice:
		list, ok := n.(*ast.SequenceNode)
		if !ok {
			s.wanted(path, n, t.Kind())
			return
		}
		for i, v := range list.Values {
			s.look(fmt.Sprintf("%s[%d]", path, i), v, t.Elem())
		}
	case reflect.Interface: // anything goes; that it isn't too much
		switch x := n.(type) {
		case ast.MapNode:
			s.mapping(path, n, reflect.MapOf(reflect.TypeFor[string](), t))
		case *ast.SequenceNode:
			for i, v := range x.Values {
				s.look(fmt.Sprintf("%s[%d]", path, i), v, t)
			}
		}
	default:
		s.scalar(path, n, t)
	}
}

// read lets a type read its text itself.
func (s *shape) read(path string, n ast.Node, unmarshal func([]byte) error) {
	if _, ok := n.(ast.ScalarNode); !ok {
		s.wanted(path, n, reflect.String)
	} else if err := unmarshal([]byte(n.String())); err != nil {
		s.say(n, path, "%v", err)
	}
}

func (s *shape) wanted(path string, n ast.Node, k reflect.Kind) {
	is := "a list"
	switch n.(type) {
	case ast.MapNode:
		is = "a mapping"
	case ast.ScalarNode:
		is = strconv.Quote(clipped(n.GetToken().Value))
	}
	s.say(n, path, "%s is wanted here, not %s", kinds[k], is)
}

// mapping looks at the keys of a struct, or at the values of a map.
func (s *shape) mapping(path string, n ast.Node, t reflect.Type) {
	m, ok := n.(ast.MapNode)
	if !ok {
		s.wanted(path, n, t.Kind())
		return
	}
	known := make(map[string]reflect.Type)
	if t.Kind() == reflect.Struct {
		knownKeys(t, known)
	}
	for all := m.MapRange(); all.Next(); {
		if all.Key().IsMergeKey() {
			s.look(path, all.Value(), t)
			continue
		}
		key := all.Key().GetToken().Value
		at := strings.TrimPrefix(path+"."+clipped(key), ".")
		switch of := known[key]; {
		case t.Kind() == reflect.Map:
			s.look(at, all.Value(), t.Elem())
		case of == nil:
			s.say(all.Key(), at, "there is no such key; %s", nearest(key, slices.Sorted(maps.Keys(known))))
		default:
			s.look(at, all.Value(), of)
		}
	}
}

// knownKeys are a struct's keys, with those of what stands in it inline.
func knownKeys(t reflect.Type, into map[string]reflect.Type) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			knownKeys(f.Type, into)
		case !f.IsExported() || name == "-":
		case name == "":
			into[strings.ToLower(f.Name)] = f.Type
		default:
			into[name] = f.Type
		}
	}
}

// scalar looks at a single value.
func (s *shape) scalar(path string, n ast.Node, t reflect.Type) {
	if _, ok := n.(ast.ScalarNode); !ok {
		s.wanted(path, n, t.Kind())
		return
	}
	text := n.GetToken().Value
	ok := true
	if k := t.Kind(); k == reflect.Bool {
		_, ok = n.(*ast.BoolNode)
		ok = ok || text == "true" || text == "false" // it may stand in a file of its own
	} else if k == reflect.Int {
		_, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 0, t.Bits())
		ok = err == nil
	} else if k == reflect.Float64 {
		_, err := strconv.ParseFloat(text, 64)
		ok = err == nil
	}
	if !ok {
		s.wanted(path, n, t.Kind())
	}
}

// nearest says which key was meant, or else which there are.
func nearest(key string, known []string) string {
	best, least := "", 1+len(key)/3
	for _, k := range known {
		if d := distance(key, k); d <= least {
			best, least = k, d-1
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	return "there are " + strings.Join(known, ", ")
}

// distance is how many letters differ, are missing or are too many (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

func clipped(s string) string { return s[:min(len(s), 80)] }
