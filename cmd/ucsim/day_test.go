package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"farhook/uacsta/uactest"
)

// A user stays signed in for a day: the session is refreshed, and what happens is still heard.
func TestDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := uactest.NewMemory()
		h := newHouse(t, l, nil)
		var out bytes.Buffer
		u := newUA(l.Dial(), conf(l, "tel:+15551001"), &printer{out: &out})
		if err := u.signIn(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		hand(t, h.pbx.Phone(1001).SetDoNotDisturb(true))
		synctest.Wait()
		if err := u.signOut(t.Context()); err != nil {
			t.Error(err)
		}
		u.close()
		if s := out.String(); !strings.Contains(s, "DoNotDisturb") || !strings.HasSuffix(s, "signed out\n") {
			t.Error(s)
		}
		h.stop()
		synctest.Wait()
	})
}
