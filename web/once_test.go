package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/switchboard"
	"farhook/web"
	"farhook/web/access"
	"farhook/web/history"
)

// slowPBX is a PBX with one phone whose MakeCall says that the command has gone out, and answers when it is told to.
type slowPBX struct {
	commands chan struct{}
	answer   chan error
	begins   csta.CallID // a call that the phone begins for the command, before the answer; empty: none
	reporter pbxadapter.Reporter
}

func (p *slowPBX) Services() csta.Services {
	s := make(csta.Services)
	csta.Handle(s, func(ctx context.Context, r csta.MakeCall) (csta.MakeCallResponse, error) {
		if p.begins != "" {
			p.reporter.Report(callmodel.Moved{
				Meta: callmodel.Meta{At: time.Now(), Op: pbxadapter.Op(ctx)}, Connection: csta.ConnectionID{Call: p.begins, Device: "tel:+15551001"}, To: csta.Initiated,
			})
		}
		p.commands <- struct{}{}
		select {
		case err := <-p.answer:
			return csta.MakeCallResponse{CallingDevice: csta.ConnectionID{Call: "slow-1", Device: r.CallingDevice}}, err
		case <-ctx.Done():
			return csta.MakeCallResponse{}, ctx.Err()
		}
	})
	return s
}

func (p *slowPBX) Run(ctx context.Context, r pbxadapter.Reporter) error {
	p.reporter = r
	r.Devices([]pbxadapter.Device{{ID: "tel:+15551001", Aliases: []string{"1001"}}, {ID: "tel:+15551002", Aliases: []string{"1002"}}})
	r.Resync(callmodel.State{Calls: []callmodel.Call{{ID: "slow-1", Legs: []callmodel.Leg{{Device: "tel:+15551001", State: csta.Initiated}}}}})
	<-ctx.Done()
	return nil
}

// slow is a gateway on it, whose store is in a file.
func slow(t *testing.T, path string) (*gateway, *slowPBX) {
	t.Helper()
	pbx := &slowPBX{commands: make(chan struct{}, 10), answer: make(chan error)}
	s, b := slowServer(t, path, pbx)
	told := allTold(t, b)
	url, _ := serve(t, b, s)
	told("tel:+15551001")
	return &gateway{t: t, url: url}, pbx
}

// slowServer is a board with that PBX and its server, which serves nobody yet.
func slowServer(t *testing.T, path string, pbx *slowPBX) (*web.Server, *switchboard.Board) {
	t.Helper()
	db, err := history.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	acc, err := access.New(access.Config{Open: true}, db)
	if err != nil {
		t.Fatal(err)
	}
	b := switchboard.New(acc, switchboard.Options{}, switchboard.PBX{Name: "slow", Adapter: pbx})
	s, err := web.New(b, web.Config{Access: acc, DB: db})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, b
}

const makeCall = `{"callingDevice":"1001","calledDirectoryNumber":"1002"}`

func (g *gateway) keyed(key, body string) (int, http.Header, string) {
	g.t.Helper()
	return g.do("POST", "/api/v1/calls", body, "Idempotency-Key", key)
}

// Whoever asks twice with one key gets one call, and the same answer.
func TestOnce(t *testing.T) {
	g, pbx := slow(t, filepath.Join(t.TempDir(), "web.db"))
	type answer struct {
		status int
		header http.Header
		body   string
	}
	first := make(chan answer, 1)
	go func() {
		status, h, body := g.keyed("k1", makeCall)
		first <- answer{status, h, body}
	}()
	<-pbx.commands
	if status, h, body := g.keyed("k1", makeCall); status != 409 || h.Get("Retry-After") == "" || !strings.Contains(body, "still running") {
		t.Errorf("while it runs: %d %v %s", status, h, body)
	}
	pbx.answer <- nil
	a := <-first
	if a.status != 201 {
		t.Fatalf("%+v", a)
	}
	status, h, body := g.keyed("k1", makeCall)
	if status != 201 || body != a.body || h.Get("Location") != a.header.Get("Location") || h.Get("Idempotency-Replayed") != "true" {
		t.Errorf("again: %d %v %s", status, h, body)
	}
	if status, _, body := g.keyed("k1", strings.Replace(makeCall, "1002", "1003", 1)); status != 422 || !strings.Contains(body, "another request") {
		t.Errorf("another body: %d %s", status, body)
	}
	if status, _, body := g.keyed(strings.Repeat("x", 256), makeCall); status != 422 {
		t.Errorf("a long key: %d %s", status, body)
	}
	if status, _, body := g.do("POST", "/api/v1/calls", makeCall, "Idempotency-Key", ""); status != 422 {
		t.Errorf("a program whose key is empty: %d %s", status, body)
	}
	if len(pbx.commands) != 0 {
		t.Errorf("%d more calls were made", len(pbx.commands))
	}
	// What was refused has not happened: it may be tried again.
	go func() {
		status, h, body := g.keyed("k2", makeCall)
		first <- answer{status, h, body}
	}()
	<-pbx.commands
	pbx.answer <- csta.ErrNetworkBusy
	if a := <-first; a.status != 503 {
		t.Errorf("%+v", a)
	}
	go func() {
		status, h, body := g.keyed("k2", makeCall)
		first <- answer{status, h, body}
	}()
	<-pbx.commands
	pbx.answer <- nil
	if a := <-first; a.status != 201 {
		t.Errorf("%+v", a)
	}
}

// Killed between the command and the answer, the gateway never makes a second call: it says that it doesn't know, and what the phone is doing.
func TestKilledBetweenCommandAndAnswer(t *testing.T) {
	if path := os.Getenv("FARHOOK_TEST_ONCE"); path != "" {
		g, pbx := slow(t, path)
		go func() {
			<-pbx.commands
			fmt.Println("commanded")
		}()
		g.keyed("k1", makeCall)
		return
	}
	path := filepath.Join(t.TempDir(), "web.db")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledBetweenCommandAndAnswer$")
	cmd.Env = append(os.Environ(), "FARHOOK_TEST_ONCE="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "commanded\n" {
		t.Fatalf("%q %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	g, pbx := slow(t, path)
	for range 2 {
		status, _, body := g.keyed("k1", makeCall)
		var p struct {
			Outcome string
			Calls   []struct{ CallID string }
		}
		if err := json.Unmarshal([]byte(body), &p); err != nil || status != 504 || p.Outcome != "unknown" || len(p.Calls) != 1 || p.Calls[0].CallID != "slow-1" {
			t.Errorf("%d %s", status, body)
		}
	}
	if len(pbx.commands) != 0 {
		t.Error("a second call was made")
	}
}

// A PBX that doesn't answer in time leaves the outcome unknown.
func TestUnknownOutcome(t *testing.T) {
	g, pbx := slow(t, "")
	go func() { <-pbx.commands; pbx.answer <- context.DeadlineExceeded }()
	status, _, body := g.keyed("k", makeCall)
	if status != 504 || !strings.Contains(body, `"outcome":"unknown"`) || !strings.Contains(body, "slow-1") {
		t.Errorf("%d %s", status, body)
	}
	if again, _, text := g.keyed("k", makeCall); again != 504 || text != body || len(pbx.commands) != 0 {
		t.Errorf("%d %s", again, text)
	}
}

// An act whose outcome is unknown names the call that the phone began for it, though the PBX never said so.
func TestUnknownOutcomeNamesTheNewCall(t *testing.T) {
	g, pbx := slow(t, "")
	pbx.begins = "slow-2"
	go func() { <-pbx.commands; pbx.answer <- context.DeadlineExceeded }()
	status, _, body := g.keyed("k", makeCall)
	var p struct{ Outcome, Call string }
	if err := json.Unmarshal([]byte(body), &p); err != nil || status != 504 || p.Outcome != "unknown" || p.Call != "slow-2" {
		t.Errorf("%d %s", status, body)
	}
}

// The answer of an act outlives the process that gave it.
func TestReplayedAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.db")
	var header http.Header
	var body string
	t.Run("before", func(t *testing.T) {
		g, pbx := slow(t, path)
		go func() { <-pbx.commands; pbx.answer <- nil }()
		var status int
		if status, header, body = g.keyed("k", makeCall); status != 201 {
			t.Fatalf("%d %s", status, body)
		}
	})
	g, pbx := slow(t, path)
	status, h, again := g.keyed("k", makeCall)
	if status != 201 || again != body || h.Get("Location") != header.Get("Location") || h.Get("Location") == "" || h.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%d %v %s, before %s", status, h, again, body)
	}
	if status, _, text := g.keyed("k", strings.Replace(makeCall, "1002", "1003", 1)); status != 422 {
		t.Errorf("another body: %d %s", status, text)
	}
	if len(pbx.commands) != 0 {
		t.Error("a second call was made")
	}
}

// A key names its act for 24 hours, and no longer.
func TestKeysAreKeptForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pbx := &slowPBX{commands: make(chan struct{}, 10), answer: make(chan error, 10)}
		s, b := slowServer(t, "", pbx)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.Run(ctx) }()
		defer func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		ask := func(replayed string, commands int) {
			t.Helper()
			pbx.answer <- nil
			r := httptest.NewRequest(http.MethodPost, "http://localhost/api/v1/calls", strings.NewReader(makeCall))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Idempotency-Key", "k")
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if w.Code != http.StatusCreated || w.Header().Get("Idempotency-Replayed") != replayed || len(pbx.commands) != commands {
				t.Errorf("%d %v, %d commands: %s", w.Code, w.Header(), len(pbx.commands), w.Body)
			}
		}
		ask("", 1)
		time.Sleep(24*time.Hour - time.Minute)
		ask("true", 1)
		time.Sleep(2 * time.Minute)
		ask("", 2)
	})
}
