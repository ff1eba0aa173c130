package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// The environment variable by which the test binary knows that it is the process to be killed.
const crashPath = "STORE_TEST_CRASH"

const synced = 1500

func TestMain(m *testing.M) {
	if path := os.Getenv(crashPath); path != "" {
		fmt.Println(writeForever(path))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// whole is a value that shows whether it is whole.
func whole(key string, round int) []byte {
	return []byte(strings.Repeat(fmt.Sprintf("%s/%d;", key, round), 40))
}

func writeForever(path string) error {
	s, err := Open(path, nil)
	if err != nil {
		return err
	}
	for i := range synced {
		k := fmt.Sprint("synced", i)
		s.Put(k, whole(k, 0))
	}
	ctx := context.Background()
	if err := s.Sync(ctx); err != nil {
		return err
	}
	fmt.Println("synced")
	for round := 1; ; round++ {
		for i := range synced {
			k := fmt.Sprint("synced", i)
			s.Put(k, whole(k, round))
			k = fmt.Sprint("more", i)
			s.Put(k, whole(k, round))
		}
		if err := s.Sync(ctx); err != nil {
			return err
		}
		if round == 1 {
			fmt.Println("writing")
		}
	}
}

func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	for run := range 5 { // each on what the one before left
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), crashPath+"="+path)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		until := []string{"synced", "writing"}[run%2]
		for lines.Scan() && lines.Text() != until {
			if lines.Text() != "synced" {
				t.Error(lines.Text())
			}
		}
		if run == 0 {
			if _, err := Open(path, nil); !errors.Is(err, ErrInUse) {
				t.Errorf("while another process has it: %v", err)
			}
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err == nil || c.ProcessState.Exited() {
			t.Fatalf("the process wasn't killed: %v", err)
		}

		s := mustOpen(t, path)
		got := load(t, s)
		for k, v := range got {
			if !intact(k, v) {
				t.Errorf("broken: %q: %.40q", k, v)
			}
		}
		for i := range synced {
			if _, ok := got[fmt.Sprint("synced", i)]; !ok {
				t.Errorf("record %d is missing", i)
			}
		}
		mustClose(t, s)
	}
}

// intact says whether a value was put for this key, and as a whole.
func intact(key, value string) bool {
	var round int
	if _, err := fmt.Sscanf(value, key+"/%d;", &round); err != nil {
		return false
	}
	return value == string(whole(key, round))
}
