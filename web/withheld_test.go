package web_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"farhook/pbxadapter"
	"farhook/pbxadapter/sim"
	"farhook/pbxadapter/switchboard"
	"farhook/web"
	"farhook/web/history"
)

// Who withholds the number is withheld everywhere, from the operator too: in every answer, every document however it travels, the log, and what is on disk.
func TestWithheldEverywhere(t *testing.T) {
	const number, name = "4989555123", "Whistleblower"
	core, logs := observer.New(zapcore.DebugLevel)
	dir := t.TempDir()
	db, err := history.Open(filepath.Join(dir, "web.db"), zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	pbx, err := sim.New(pbxadapter.Options{Name: "sim", Log: zap.New(core)}, sim.Config{Lines: 24, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	g := startOn(t, accessOpen, pbx, nil, switchboard.Options{Log: zap.New(core)}, web.Config{Log: zap.New(core)}, webhooks(time.Hour), func(c *web.Config) { c.DB = db })
	r := newReceiver(t, func(delivery) int { return 200 })
	g.hook(`{"url":"` + r.URL + `"}`)
	s, ws := g.follow("GET", "/api/v1/events", ""), g.stream("")
	s.next()
	ws.next()
	if err := pbx.Outside("tel:+"+number).DialAs("tel:+15551001", name, true); err != nil {
		t.Fatal(err)
	}
	views := map[string]string{}
	look := func(view, method, path, body string, headers ...string) {
		status, _, text := g.do(method, path, body, headers...)
		if status >= 300 {
			t.Errorf("%s: %d %s", view, status, text)
		}
		views[view] = text
	}
	var calls struct{ Calls []struct{ CallID string } }
	g.get("/api/v1/calls", &calls)
	call := calls.Calls[0].CallID
	look("calls", "GET", "/api/v1/calls", "")
	look("device", "GET", "/api/v1/devices/1001", "")
	look("raw JSON", "POST", "/api/v1/csta", `{"SnapshotDevice":{"snapshotObject":"1001"}}`)
	look("raw XML", "POST", "/api/v1/csta", `<SnapshotCall xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"><snapshotObject><callID>`+call+`</callID><deviceID>1001</deviceID></snapshotObject></SnapshotCall>`,
		"Content-Type", "application/csta+xml")
	look("answer", "POST", "/api/v1/calls/"+call+"/connections/1001/answer", "")
	look("transfer", "POST", "/api/v1/calls/"+call+"/connections/1001/single-step-transfer", `{"to":"1002"}`)
	if err := pbx.Phone(1002).Answer(); err != nil {
		t.Fatal(err)
	}
	if err := pbx.Phone(1002).HangUp(); err != nil {
		t.Fatal(err)
	}
	for past := ""; past == ""; time.Sleep(5 * time.Millisecond) {
		if _, _, text := g.do("GET", "/api/v1/history", ""); strings.Contains(text, `"outcome"`) {
			past = text
			views["history"] = text
		}
	}
	look("CSV", "GET", "/api/v1/history.csv", "")
	ended := func(d string) bool { return strings.Contains(d, "CallClearedEvent") }
	views["SSE"] = s.until(ended)
	for {
		m := ws.next()
		views["WebSocket"] += fmt.Sprintf("%+v\n", m)
		if m.Event == "CallClearedEvent" {
			break
		}
	}
	for n := 1; !ended(views["webhook"]); n++ {
		views["webhook"] += string(r.await(t, n)[n-1].body)
	}
	for _, e := range logs.All() {
		views["log"] += fmt.Sprintln(e.Message, e.ContextMap())
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		views["disk"] += string(b)
	}
	if len(views) != 13 {
		t.Fatalf("%d views", len(views))
	}
	for view, text := range views {
		if text == "" && view != "answer" || strings.Contains(text, number) || strings.Contains(text, name) {
			i := max(strings.Index(text, number), strings.Index(text, name))
			t.Errorf("%s shows who withholds the number: %.300s", view, text[max(i-100, 0):])
		}
	}
}
