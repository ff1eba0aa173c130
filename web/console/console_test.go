package console_test

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"testing"

	"farhook/web/console"
)

// maxLoad is how much the whole page may weigh, compressed: also what is fetched only when it is looked at.
const maxLoad = 150_000

func TestWeight(t *testing.T) {
	total := 0
	err := fs.WalkDir(console.Files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(console.Files, name)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(data); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		total += b.Len()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d octets compressed", total)
	if total > maxLoad || total < 10_000 {
		t.Errorf("the console weighs %d octets compressed, 10000 to %d are expected", total, maxLoad)
	}
}
