package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"farhook/pbxadapter/switchboard"
	"farhook/web/history"
	"farhook/web/live"
)

// good says which of the secrets have signed.
func good(t *testing.T, h *Hook, secrets ...string) (signed []bool) {
	t.Helper()
	at, body := time.Now(), []byte(`{"type":"event"}`)
	all := strings.Fields(h.Sign("evt_1", at, body))
	for _, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
		if err != nil || len(key) < 24 {
			t.Fatal(s, err)
		}
		m := hmac.New(sha256.New, key)
		fmt.Fprintf(m, "evt_1.%d.%s", at.Unix(), body)
		signed = append(signed, slices.Contains(all, "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil))))
	}
	return signed
}

// What happened before a receiver was there is not for it, though it is written into the outbox only after that.
func TestTheNewHearOnlyWhatIsNew(t *testing.T) {
	db, err := history.Open("", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	b := switchboard.New(switchboard.AnyLine{}, switchboard.Options{})
	everything := live.Viewer{Eyes: live.Everything()}
	d, err := New(t.Context(), Config{}, db, live.NewStory(b), func(string) (live.Viewer, bool) { return everything, true })
	if err != nil {
		t.Fatal(err)
	}
	tell := func() switchboard.Entry {
		note := live.Note{Device: "tel:+15551001", Text: "away"}
		return switchboard.Entry{Seq: b.Tell(switchboard.System, note), Beside: note}
	}
	before := tell()
	if _, _, err := d.Add(t.Context(), Hook{URL: "https://tickets.example.com/", Owner: "local"}); err != nil {
		t.Fatal(err)
	}
	after := tell()
	if n := len(d.Outgoing(before)); n != 0 {
		t.Errorf("%d documents of what was before", n)
	}
	if n := len(d.Outgoing(after)); n != 1 {
		t.Errorf("%d documents of what is new", n)
	}
}

// The old secret signs beside the new one for a day, also when there was another rotation meanwhile, and then no more; so it is after a restart.
func TestTheOldSecretEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, err := history.Open("", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		made := func() *Deliverer {
			d, err := New(t.Context(), Config{}, db, live.NewStory(switchboard.New(switchboard.AnyLine{}, switchboard.Options{})), func(string) (live.Viewer, bool) { return live.Viewer{}, false })
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		d := made()
		h, one, err := d.Add(t.Context(), Hook{URL: "https://tickets.example.com/", Owner: "local"})
		if err != nil {
			t.Fatal(err)
		}
		rotate := func() string {
			s, err := d.Rotate(t.Context(), h.ID)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		two := rotate()
		want := func(want ...bool) {
			t.Helper()
			for _, d := range []*Deliverer{d, made()} {
				if got := good(t, d.get(h.ID), one, two); !slices.Equal(got, want) {
					t.Errorf("%v, want %v", got, want)
				}
			}
		}
		want(true, true)
		time.Sleep(24*time.Hour - time.Second)
		want(true, true)
		three := rotate()
		want(true, true)
		time.Sleep(time.Second)
		want(false, true)
		time.Sleep(24*time.Hour - 2*time.Second)
		want(false, true)
		time.Sleep(time.Second)
		want(false, false)
		if got := good(t, d.get(h.ID), three); !got[0] {
			t.Error("the present secret doesn't sign")
		}
	})
}

// Waits double up to an hour; each is half to one and a half times that, and no two receivers wait the same.
func TestWaitsGrow(t *testing.T) {
	c := Config{FirstWait: time.Second}
	middle := time.Second
	for tries := 1; tries <= 100; tries++ {
		least, most, seen := time.Duration(1<<62), time.Duration(0), map[time.Duration]bool{}
		for range 200 {
			d := c.backoff(tries)
			least, most, seen[d] = min(least, d), max(most, d), true
		}
		if least < middle/2 || most > middle+middle/2 {
			t.Fatalf("after %d tries %v to %v, want %v and half of that more or less", tries, least, most, middle)
		}
		if most-least < middle/2 || len(seen) < 190 {
			t.Errorf("after %d tries all wait %v to %v", tries, least, most)
		}
		middle = min(2*middle, time.Hour)
	}
}
