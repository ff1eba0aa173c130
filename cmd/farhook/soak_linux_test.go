//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"farhook/csta"
)

// soakFor, set in the environment, is how long the soak lasts.
const soakFor = "FARHOOK_SOAK"

// TestSoak is `make soak`: faults one after the other, in any order, while calls come and go. In the end it prints what it saw.
func TestSoak(t *testing.T) {
	if os.Getenv(soakFor) == "" {
		t.Skip("make soak runs it")
	}
	long, err := time.ParseDuration(os.Getenv(soakFor))
	if err != nil {
		t.Fatal(err)
	}
	here, done := withOwnMounts(t, "-test.timeout", (long + 30*time.Minute).String())
	if !here {
		if !done {
			t.Skip("it takes root, or a kernel that gives users name spaces")
		}
		return
	}
	type seen struct {
		times   int
		failed  []string
		slowest time.Duration
	}
	all := make([]seen, len(faults))
	x := newTrial(t, mounted(t, "128m")) // room for the calls of an hour
	x.soaking = true
	stop := x.load()
	began, most := time.Now(), 0.0
	for n := 0; time.Since(began) < long && !t.Failed(); n++ {
		x.uc.all("UPDATE", func(*ucSession) csta.Message { return nil }, func(*ucSession, ucMessage, csta.Message) {}) // as UC clients do: who doesn't is signed out
		order := rand.Perm(len(faults))
		for _, i := range order {
			failed, took := x.suffer(faults[i])
			fmt.Printf("%8v  %-35s back after %-8v meanwhile: %s\n", time.Since(began).Round(time.Second), faults[i].name, took.Round(time.Millisecond), strings.Join(failed, ", "))
			s := &all[i]
			s.times++
			for _, f := range failed {
				if !slices.Contains(s.failed, f) {
					s.failed = append(s.failed, f)
				}
			}
			s.slowest = max(s.slowest, took)
			most = max(most, x.g.metric("process_resident_memory_bytes"))
			if t.Failed() {
				break
			}
		}
	}
	stop()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what failed\ttimes\twhat didn't work meanwhile\tback after, at most")
	for i, f := range faults {
		slices.Sort(all[i].failed)
		fmt.Fprintf(w, "%s\t%d\t%s\t%v\n", f.name, all[i].times, strings.Join(all[i].failed, ", "), all[i].slowest.Round(time.Millisecond))
	}
	_ = w.Flush()
	t.Logf("%v, %d events, %d of them twice at a kill; at most %.0f MiB\n%s", time.Since(began).Round(time.Second), x.uc.events.Load(), 1<<40-x.uc.onTheirWay.Load(), most/(1<<20), b.String())
}
