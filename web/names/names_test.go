package names_test

import (
	"encoding/json"
	"os"
	"testing"

	"farhook/web/names"
)

// Whatever way a name is written, and whatever way it is typed, they find each other; and nobody else.
func TestSpellings(t *testing.T) {
	data, err := os.ReadFile("testdata/spellings.json")
	if err != nil {
		t.Fatal(err)
	}
	var table []struct {
		Name  string
		Typed []string
		Not   []string
	}
	if err := json.Unmarshal(data, &table); err != nil || len(table) == 0 {
		t.Fatal(err)
	}
	for _, row := range table {
		for _, typed := range row.Typed {
			if !names.PartOf(typed).In(row.Name) {
				t.Errorf("%q doesn't find %q: %q in %q", typed, row.Name, names.PartOf(typed), names.Index(row.Name))
			}
		}
		for _, typed := range row.Not {
			if names.PartOf(typed).In(row.Name) {
				t.Errorf("%q finds %q: %q in %q", typed, row.Name, names.PartOf(typed), names.Index(row.Name))
			}
		}
	}
}
