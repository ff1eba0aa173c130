package history_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"farhook/web/history"
)

// A file that a newer version has only added to is of use; one that it has changed beyond that is left alone.
func TestNewerLayout(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h.db")
	open := func() error {
		d, err := history.Open(path, nil)
		if err == nil {
			err = d.Close()
		}
		return err
	}
	change := func(statements string) {
		t.Helper()
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(statements); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := open(); err != nil {
		t.Fatal(err)
	}
	change("INSERT INTO goose_db_version (version_id, is_applied) VALUES (900, 1); CREATE TABLE later (a INTEGER)")
	if err := open(); err != nil {
		t.Errorf("a layout that only adds: %v", err)
	}
	change("PRAGMA user_version = 900")
	if err := open(); !errors.Is(err, history.ErrNewer) {
		t.Errorf("a layout that does more: %v", err)
	}
}
