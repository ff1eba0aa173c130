package directory_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"farhook/pbxadapter/directory"
)

// What can't be written whole leaves the file as it was, and nothing beside it.
func TestWhole(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "copy.json")
	cut := errors.New("the cable was pulled")
	for _, c := range []struct {
		text string
		err  error
	}{{"first", nil}, {"half of the sec", cut}, {"third", nil}} {
		before, _ := os.ReadFile(file)
		err := directory.Whole(file, func(w io.Writer) error {
			if _, err := io.WriteString(w, c.text); err != nil {
				return err
			}
			return c.err
		})
		want := c.text
		if c.err != nil {
			want = string(before)
		}
		if got, readErr := os.ReadFile(file); !errors.Is(err, c.err) || readErr != nil || string(got) != want {
			t.Errorf("%q: %v, and %q stands there, %v", c.text, err, got, readErr)
		}
		if all, err := os.ReadDir(folder); err != nil || len(all) != 1 {
			t.Errorf("%q: %v beside it, %v", c.text, all, err)
		}
	}
	if err := directory.Whole(filepath.Join(folder, "none", "copy.json"), func(io.Writer) error { return nil }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that isn't there: %v", err)
	}
}
