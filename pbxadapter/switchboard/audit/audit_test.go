package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"
)

func open(t *testing.T, path string) *Record {
	t.Helper()
	r, err := Open(path, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func closed(t *testing.T, r *Record) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fill writes a record of n entries beside the one that Open writes.
func fill(t *testing.T, path string, n int) {
	t.Helper()
	r := open(t, path)
	for i := range n {
		r.Add(Entry{Act: Controlled, User: "sip:alice@example.com", Line: "tel:+15551001", Service: "MakeCall", Number: fmt.Sprint(i)})
	}
	closed(t, r)
}

func TestRecordGoesOnAfterAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	fill(t, path, 3)
	fill(t, path, 2)
	rep, err := Verify(bytes.NewReader(read(t, path)))
	if err != nil || rep.Entries != 7 || rep.Torn != 0 || rep.Lost != 0 {
		t.Errorf("%+v, %v", rep, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: others may read the record", info.Mode(), err)
	}
}

func TestChangesShow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	fill(t, path, 5)
	whole := read(t, path)
	lines := strings.SplitAfter(string(whole), "\n")
	for name, text := range map[string]string{
		"a member changed":   strings.Replace(string(whole), "alice", "mallory", 1),
		"a line taken out":   strings.Join(append(append([]string{}, lines[:2]...), lines[3:]...), ""),
		"the first one gone": strings.Join(lines[1:], ""),
		"two swapped":        strings.Join([]string{lines[0], lines[2], lines[1], lines[3], lines[4], lines[5]}, ""),
		"one put in":         strings.Join(append(append([]string{}, lines[:3]...), append([]string{lines[1]}, lines[3:]...)...), ""),
		"one made rubbish":   strings.Replace(string(whole), lines[2], "rubbish\n", 1),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Verify(strings.NewReader(text)); !errors.Is(err, ErrBroken) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := Verify(strings.NewReader(strings.Repeat("x", 2*maxLine))); !errors.Is(err, ErrBroken) {
		t.Errorf("an endless line: %v", err)
	}
	cut, err := Verify(strings.NewReader(strings.Join(lines[:4], "")))
	full, err2 := Verify(bytes.NewReader(whole))
	if err != nil || err2 != nil || cut.Head == full.Head {
		t.Errorf("a record cut off has the same head: %v %v", err, err2)
	}
}

// A record that somebody has chained anew has the numbers of its entries in order, too.
func TestNumbersAreInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	fill(t, path, 3)
	lines := strings.SplitAfter(string(read(t, path)), "\n")
	for name, change := range map[string]string{"one left out": `"n":3,`, "one twice": `"n":1,`} {
		last := strings.Replace(lines[1], `"n":2,`, change, 1) // follows from the first as before
		if _, err := Verify(strings.NewReader(lines[0] + last)); !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "where 2 is due") {
			t.Errorf("%s: %v", name, err)
		}
	}
	var first, last line
	if err := errors.Join(json.Unmarshal([]byte(lines[0]), &first), json.Unmarshal([]byte(lines[3]), &last)); err != nil {
		t.Fatal(err)
	}
	if rep, err := Verify(strings.NewReader(strings.Join(lines, ""))); err != nil || rep.First.IsZero() || !rep.First.Equal(first.At) || !rep.Last.Equal(last.At) {
		t.Errorf("%+v, %v, want %v to %v", rep, err, first.At, last.At)
	}
}

func TestTornLineIsToldAndChained(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	fill(t, path, 3)
	whole := read(t, path)
	if err := os.WriteFile(path, whole[:len(whole)-40], 0o600); err != nil {
		t.Fatal(err)
	}
	if rep, err := Verify(bytes.NewReader(read(t, path))); err != nil || rep.Torn != 1 || rep.Entries != 3 {
		t.Errorf("before: %+v, %v", rep, err)
	}
	fill(t, path, 1)
	if rep, err := Verify(bytes.NewReader(read(t, path))); err != nil || rep.Torn != 1 || rep.Entries != 5 {
		t.Errorf("after: %+v, %v", rep, err)
	}
	text := string(read(t, path))
	if _, err := Verify(strings.NewReader(strings.Replace(text, `"n":4,"at`, `"n":4,"ta`, 1))); !errors.Is(err, ErrBroken) {
		t.Errorf("a line that only looks torn: %v", err)
	}
}

func TestTwoWritersAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	r := open(t, path)
	defer r.Close()
	if _, err := Open(path, zap.NewNop()); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none", "audit.jsonl"), zap.NewNop()); err == nil {
		t.Error("a folder that isn't there was no error")
	}
}

func TestManyAddAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	r := open(t, path)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				r.Add(Entry{Act: SessionAccepted, User: fmt.Sprint(i), Detail: strings.Repeat("long ", 300)})
			}
		})
	}
	wg.Wait()
	closed(t, r)
	rep, err := Verify(bytes.NewReader(read(t, path)))
	if err != nil || rep.Entries+r.Failed() < 1601 {
		t.Errorf("%+v, %d not written: %v", rep, r.Failed(), err)
	}
	r.Add(Entry{Act: SessionEnded}) // after Close: nothing
	var none *Record
	none.Add(Entry{})
	if none.Failed() != 0 || none.Close() != nil {
		t.Error("a nil record does something")
	}
}

// full is a disk that takes a few octets of a line, and no more for a while.
type full struct {
	bytes.Buffer
	refuse int
}

func (f *full) Write(b []byte) (int, error) {
	if f.refuse > 0 {
		f.refuse--
		n, _ := f.Buffer.Write(b[:min(10, len(b))])
		return n, errors.New("no space left on device")
	}
	return f.Buffer.Write(b)
}

func TestFullDisk(t *testing.T) {
	disk := &full{}
	r := &Record{log: zap.NewNop()}
	w := &writer{out: disk}
	r.write(w, Entry{Act: Opened})
	disk.refuse = 1
	r.write(w, Entry{Act: Controlled})
	r.write(w, Entry{Act: Controlled, User: "later"})
	rep, err := Verify(bytes.NewReader(disk.Bytes()))
	if err != nil || rep.Lost != 1 || rep.Torn != 1 || rep.Entries != 3 {
		t.Errorf("%+v, %v\n%s", rep, err, disk.String())
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte("{\"n\":1,\"before\":\"\"}\n{\"n\":2}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rep, err := Verify(bytes.NewReader(b))
		if err == nil && rep.Entries+rep.Torn > uint64(bytes.Count(b, []byte("\n")))+1 {
			t.Errorf("%+v of %q", rep, b)
		}
	})
}

// A head that was kept elsewhere finds what the chain alone can't show: a record that was cut off at its end, or written anew. One that has grown since is well.
func TestVerifyKnowsOldHeads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	fill(t, path, 2)
	first, err := Verify(bytes.NewReader(read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	fill(t, path, 2)
	text := read(t, path)
	second, err := Verify(bytes.NewReader(text), first.Head)
	if err != nil || second.Head == first.Head {
		t.Errorf("%+v, %v", second, err)
	}
	if _, err := Verify(bytes.NewReader(text), strings.ToUpper(second.Head), first.Head); err != nil {
		t.Error(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSpace(text), []byte("\n"))
	anew := filepath.Join(t.TempDir(), "audit.jsonl")
	fill(t, anew, 4)
	for name, text := range map[string][]byte{"cut off": bytes.Join(lines[:len(lines)-1], nil), "made anew": read(t, anew), "empty": nil} {
		if _, err := Verify(bytes.NewReader(text), second.Head); !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "no line has the head "+second.Head) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Verify(bytes.NewReader(text)); err != nil {
			t.Errorf("%s, without the head: %v", name, err)
		}
	}
}
