package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"farhook/pbxadapter/switchboard"
	"farhook/web/history"
	"farhook/web/live"
)

// answers is a transport that has an answer for every request, and no network.
type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// A document is tried again and again for as long as the configuration says, and then put aside: no try is planned for a time at which it is too old.
func TestTriedForItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, err := history.Open("", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		d, err := New(t.Context(), Config{Private: true}, db, live.NewStory(switchboard.New(switchboard.AnyLine{}, switchboard.Options{})), func(string) (live.Viewer, bool) { return live.Viewer{Eyes: live.Eyes{All: true}}, true })
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		d.client = &http.Client{Transport: answers(func(*http.Request) (*http.Response, error) {
			if asked++; asked == 2 {
				return nil, errors.New("nobody is there")
			}
			return &http.Response{Status: "500 Internal Server Error", StatusCode: 500, Body: io.NopCloser(strings.NewReader(""))}, nil
		})}
		h, _, err := d.Add(t.Context(), Hook{URL: "http://127.0.0.1:1/", Owner: "local"})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Send(t.Context(), history.Sending{Webhook: h.ID, Message: "evt_1", Document: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
		list, err := db.Waiting(t.Context(), h.ID, 0, 10)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		began, it := time.Now(), &item{id: list[0].ID}
		for o := d.try(context.Background(), h, it); !o.next.IsZero(); o = d.try(context.Background(), h, it) {
			if asked == 2 {
				if q, _, err := db.Queued(t.Context(), it.id); err != nil || q.Tries != 2 || !strings.Contains(q.Said, "nobody is there") || !q.Next.Equal(o.next.Truncate(time.Millisecond)) {
					t.Errorf("%+v %v", q, err)
				}
			}
			if age := o.next.Sub(began); age > 24*time.Hour {
				t.Fatalf("a try is planned when it is %v old", age)
			}
			time.Sleep(time.Until(o.next))
		}
		// 1 s, 2 s, and so on up to an hour are twelve waits of 68 minutes, more or less; then it is every hour, more or less a half.
		if age := time.Since(began); age < 22*time.Hour || asked < 12+15 || asked > 14+48 {
			t.Errorf("it was given up after %v and %d tries", age, asked)
		}
		dead, err := db.Dead(t.Context(), h.ID, "", 10)
		if err != nil || len(dead) != 1 || dead[0].Tries != asked || !strings.Contains(dead[0].Said, "500") {
			t.Errorf("%+v %v", dead, err)
		}
	})
}
