package history_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"farhook/web/history"
)

// Calls that a version without the index has kept are found under each spelling of a name, however many there are; and whom somebody spoke with still is once
// he himself was erased.
func TestOldNamesAreFolded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h.db")
	d, err := history.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := raw.Exec(statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("DELETE FROM goose_db_version WHERE version_id > 3")
	exec("BEGIN")
	add := func(id, calling, called string) {
		exec(`INSERT INTO calls (id, call_id, pbx, began, answered, ended, calling_device, calling_number, calling_name, calling_shown, called_device, called_number,
			called_name, called_shown, rang, talked, held, outcome, cause, transferred_by, transferred_to, joined_to, by_whom, reference)
			VALUES (?, ?, 'sim', 1, 2, 3, 'tel:+4989111', 'tel:+4989111', ?, 'known', 'tel:+4989222', 'tel:+4989222', ?, 'known', 0, 0, 0, 'answered', '', '', '', '', '', '')`,
			id, id, calling, called)
	}
	const many = 1201 // more than are read at a time
	for i := range many {
		add(fmt.Sprintf("%012x-%06d", i, i), "Jörg Müller", "Håkon Ås")
	}
	add("ffffffffffff-1", "", "")
	exec("COMMIT")
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}

	if d, err = history.Open(path, nil); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	found := func(name string) int {
		t.Helper()
		calls, err := d.Search(t.Context(), history.Query{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return len(calls)
	}
	for _, name := range []string{"Mueller", "muller", "Müller", "jorg", "Haakon", "hakon as"} {
		if n := found(name); n != many {
			t.Errorf("%d calls are found by %q, want %d", n, name, many)
		}
	}
	if n := found("Smith"); n != 0 {
		t.Errorf("%d calls are found by a name that none has", n)
	}
	if _, err := d.Erase(t.Context(), "tel:+4989222", ""); err != nil {
		t.Fatal(err)
	}
	if n := found("Mueller"); n != many {
		t.Errorf("%d calls of Müller are found once the others were erased, want %d", n, many)
	}
	if n := found("Haakon"); n != 0 {
		t.Errorf("%d calls are found by the name of whom was erased", n)
	}
}
