package numbering

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// columns are the names that a table's columns may have, in lower case without blanks, dashes and underscores.
var columns = map[string]string{
	"direction": "direction", "rule": "direction", "table": "direction", "type": "direction",
	"name": "name", "description": "name", "comment": "name",
	"side": "side", "party": "side",
	"minlength": "min", "minimumlength": "min", "min": "min", "minlen": "min",
	"maxlength": "max", "maximumlength": "max", "max": "max", "maxlen": "max",
	"pattern": "pattern", "match": "pattern", "prefix": "pattern", "startswith": "pattern",
	"deletelength": "delete", "delete": "delete", "strip": "delete", "dellen": "delete", "deletelen": "delete",
	"replacement": "replacement", "replace": "replacement", "insert": "replacement", "add": "replacement",
}

// directions are the names that the directions have in such tables: From rules are for what comes from the PBX, To rules for what goes there.
var directions = map[string]Direction{
	"from": FromPBX, "from_pbx": FromPBX, "frompbx": FromPBX, "in": FromPBX, "inbound": FromPBX, "incoming": FromPBX,
	"to": ToPBX, "to_pbx": ToPBX, "topbx": ToPBX, "out": ToPBX, "outbound": ToPBX, "outgoing": ToPBX,
}

const maxImport = 4 << 20

// Import reads a table of From and To rules as CSV, separated by commas or semicolons, with a head that names the columns: minimum length, maximum length, pattern,
// delete length, replacement; direction, name and side where there are such. otherwise is the direction of rows that name none; nil: each must. Its error
// names every row that is wrong.
func Import(in io.Reader, otherwise *Direction) (Table, error) {
	b := bufio.NewReader(io.LimitReader(in, maxImport))
	head, err := b.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) {
		return Table{}, err
	}
	line, _, _ := strings.Cut(string(head), "\n")
	if strings.HasPrefix(line, "\ufeff") {
		_, _ = b.Discard(3)
	}
	r := csv.NewReader(b)
	if strings.Count(line, ";") > strings.Count(line, ",") {
		r.Comma = ';'
	}
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	names, err := r.Read()
	if err != nil {
		return Table{}, fmt.Errorf("line 1: no head with the names of the columns: %w", err)
	}
	place := make(map[string]int)
	var bad []error
	for i, n := range names {
		what := columns[strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(strings.TrimSpace(n)))]
		if what == "" {
			bad = append(bad, fmt.Errorf("line 1: %q is no column that is known: direction, name, side, minimum length, maximum length, pattern, delete length, replacement", clip(n)))
		} else if _, twice := place[what]; twice {
			bad = append(bad, fmt.Errorf("line 1: %q is there twice", clip(n)))
		}
		place[what] = i
	}
	if _, ok := place["pattern"]; !ok && len(bad) == 0 {
		bad = append(bad, errors.New("line 1: there is no column with the pattern"))
	}
	if len(bad) > 0 {
		return Table{}, errors.Join(bad...)
	}
	var t Table
	for n := 1; ; n++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // a csv.ParseError, which names its line
			return t, errors.Join(append(bad, err)...)
		}
		at, _ := r.FieldPos(0)
		if n > MaxRules {
			return t, errors.Join(append(bad, fmt.Errorf("line %d: %d rules are allowed", at, MaxRules))...)
		}
		get := func(what string) string {
			if i, ok := place[what]; ok && i < len(row) {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		if err := t.addRow(get, n, otherwise); err != nil {
			bad = append(bad, fmt.Errorf("line %d: %w", at, err))
		}
	}
	t.distinguish()
	return t, errors.Join(bad...)
}

// addRow makes a rule of a row.
func (t *Table) addRow(get func(string) string, n int, otherwise *Direction) error {
	var bad []error
	d, known := directions[strings.ToLower(get("direction"))]
	switch {
	case known:
	case get("direction") == "" && otherwise != nil:
		d = *otherwise
	default:
		bad = append(bad, fmt.Errorf("direction: %q is neither from nor to", clip(get("direction"))))
	}
	r := Rule{Name: get("name"), Side: strings.ToLower(get("side"))}
	if r.Name == "" {
		r.Name = "row " + strconv.Itoa(n)
	}
	if !utf8.ValidString(r.Name) {
		bad = append(bad, errors.New("name: not UTF-8"))
	}
	number := func(what string) int {
		v := get(what)
		if v == "" {
			return 0
		}
		i, err := strconv.ParseUint(v, 10, 16)
		if err != nil || i > 10_000 {
			bad = append(bad, fmt.Errorf("%s: %q is not a length", what, clip(v)))
		}
		return int(i)
	}
	r.Min, r.Max, r.Strip, r.Prefix = number("min"), min(number("max"), MaxNumber), number("delete"), get("replacement")
	pattern := get("pattern")
	switch {
	case strings.HasPrefix(pattern, "^"):
		// A regular expression says what the number begins with; what it takes is given by the delete length all the same.
		return errors.Join(append(bad, fmt.Errorf("pattern: %q is a regular expression: write such a rule with match and replace", clip(pattern)))...)
	case pattern == "" || pattern == "*":
		r.Digits = "." // any number
		if r.Min == 0 {
			r.Min = 1
		}
	default:
		r.Digits = strings.TrimSuffix(pattern, ".")
	}
	if r.Max == 0 {
		r.Max = MaxNumber
	}
	if _, err := compile(r); err != nil {
		bad = append(bad, err)
	}
	if d == ToPBX {
		t.ToPBX = append(t.ToPBX, r)
	} else {
		t.FromPBX = append(t.FromPBX, r)
	}
	return errors.Join(bad...)
}

// distinguish makes the names of imported rules differ.
func (t *Table) distinguish() {
	for _, list := range [][]Rule{t.ToPBX, t.FromPBX} {
		seen := make(map[string]bool)
		for i := range list {
			for base, k := list[i].Name, 2; seen[list[i].Name]; k++ {
				list[i].Name = base + " " + strconv.Itoa(k)
			}
			seen[list[i].Name] = true
		}
	}
}
