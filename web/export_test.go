package web_test

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"farhook/csta"
	"farhook/web/history"
)

// missedCalls are calls from outside that nobody answers, from a caller with this name; it returns when history has them.
func (g *gateway) missedCalls(n int, name string) {
	g.t.Helper()
	var list struct{ Calls []struct{ ID string } }
	for i := range n {
		from := g.pbx.Outside(csta.DeviceID(fmt.Sprintf("tel:+4989%07d", i)))
		if err := from.DialAs("tel:+15551001", name, i == 0); err != nil {
			g.t.Fatal(err)
		}
		if i == 0 { // who withholds the number can't be found by it
			from = g.pbx.Phone(1001)
		}
		if err := from.HangUp(); err != nil {
			g.t.Fatal(err)
		}
	}
	for began := time.Now(); len(list.Calls) < n; time.Sleep(200 * time.Millisecond) {
		calls, err := g.db.Search(g.t.Context(), history.Query{})
		if err != nil || time.Since(began) > 60*time.Second {
			g.t.Fatal(len(calls), err)
		}
		if len(calls) == n {
			return
		}
	}
}

// The CSV has every call, the header first, no formula, and nothing of who withheld the number.
func TestExport(t *testing.T) {
	g := start(t)
	g.missedCalls(3, `=HYPERLINK("http://evil.example","x")`)
	if status, _, text := g.do("GET", "/api/v1/history?after=zzz", ""); status != 422 || !strings.Contains(text, "after") {
		t.Errorf("a position that is none: %d %s", status, text)
	}
	status, h, text := g.do("GET", "/api/v1/history.csv", "")
	if status != 200 || !strings.HasPrefix(h.Get("Content-Type"), "text/csv") || !strings.Contains(h.Get("Content-Disposition"), "attachment") || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", status, h)
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 4 || rows[0][0] != "id" || strings.Count(text, "\r\n") != 4 {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, row := range rows[1:] {
		for i, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") {
				t.Errorf("%s: %q is a formula to a spreadsheet", rows[0][i], cell)
			}
		}
	}
	if newest := rows[1]; newest[6] != "tel:+49890000002" || newest[7] != `'=HYPERLINK("http://evil.example","x")` || newest[13] != "missed" {
		t.Errorf("%q", newest)
	}
	if withheld := rows[3]; withheld[6] != "" || withheld[7] != "" || strings.Contains(text, "tel:+49890000000") {
		t.Errorf("%q", withheld)
	}
	if status, _, text := g.do("GET", "/api/v1/history.csv?limit=3", ""); status != 422 {
		t.Errorf("%d %s", status, text)
	}
}

// It is sent while it is read: the first lines come while the rest is still to be read; and half a file is never taken for a whole one.
func TestExportStreams(t *testing.T) {
	g := start(t)
	g.missedCalls(1500, strings.Repeat("x", 1000))
	host := strings.TrimPrefix(g.url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(32 << 10)
	fmt.Fprintf(conn, "GET /api/v1/history.csv HTTP/1.1\r\nHost: %s\r\n\r\n", host)
	res, err := http.ReadResponse(bufio.NewReaderSize(conn, 4096), nil)
	if err != nil || res.StatusCode != 200 || res.ContentLength != -1 {
		t.Fatal(err, res)
	}
	in := bufio.NewReaderSize(res.Body, 4096)
	for range 3 {
		if _, err := in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.db.Close(); err != nil { // the rest can't be read any more
		t.Fatal(err)
	}
	lines := 3
	for {
		_, err := in.ReadString('\n')
		if err == nil {
			lines++
			continue
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d lines end with %v: it looks like a whole file", lines, err)
		}
		break
	}
	if lines > 1500 {
		t.Errorf("%d lines were sent ahead of their reader", lines)
	}
}
