package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Ctrl-C ends the process within 2 s, whatever is open: a UC user's session, somebody who has said half a request, a stream of events. A machine that has
// other work may take longer once; that it always does would be a wait of ours.
func TestInterrupt(t *testing.T) {
	var took []time.Duration
	for range 5 {
		took = append(took, interrupted(t))
		if took[len(took)-1] < 2*time.Second {
			return
		}
	}
	t.Errorf("it never ended within 2 s: %v", took)
}

// interrupted is how long it takes.
func interrupted(t *testing.T) time.Duration {
	file := filepath.Join(t.TempDir(), "f.yaml")
	if err := os.WriteFile(file, []byte("sip: {listen: ['127.0.0.1:0']}\nhttp: {listen: '127.0.0.1:0'}\nlog: {format: json}\nrights: demo\npbx: [{name: sim, kind: sim, settings: {quiet: true}}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := begin(t, "serve", "--config", file)
	web := p.logged(`"farhook started".*"http":\["([^"]+)"\]`)[1]
	p.logged("PBX link up")
	session, err := net.Dial("tcp", p.sip)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	body := fmt.Sprintf(lineXML, "tel:+15551001")
	fmt.Fprintf(session, "INVITE sip:gw SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK1\r\nFrom: <sip:alice@example.com>;tag=1\r\nTo: <sip:gw>\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\n"+
		"Contact: <sip:alice@x>\r\n%sContent-Length: %d\r\n\r\n%s", cstaType, len(body), body)
	answer := bufio.NewReader(session)
	if s, err := answer.ReadString('\n'); err != nil || s != "SIP/2.0 200 OK\r\n" {
		t.Fatalf("%q, %v", s, err)
	}
	half, err := net.Dial("tcp", p.sip)
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	_, _ = io.WriteString(half, "INVITE sip:gw SIP/2.0\r\nVia: ")
	events, err := http.Get("http://" + web + "/api/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer events.Body.Close()
	if _, err := bufio.NewReader(events.Body).ReadString('\n'); err != nil || events.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", events.Status, err)
	}
	began := time.Now()
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.end()
	took := time.Since(began)
	if s := p.ProcessState.Sys().(syscall.WaitStatus); s.ExitStatus() != 0 || s.Signaled() {
		t.Errorf("it ended with %v", p.ProcessState)
	}
	return took
}

// Why a port can't be had is one clear sentence, for each reason that an administrator can do something about.
func TestCannotListen(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.EADDRINUSE:    "SIP over TLS cannot listen on 0.0.0.0:443: another program has that port",
		syscall.EACCES:        "SIP over TLS cannot listen on 0.0.0.0:443: no right to use that port",
		syscall.EADDRNOTAVAIL: "SIP over TLS cannot listen on 0.0.0.0:443: this machine does not have that address",
		syscall.EMFILE:        "SIP over TLS cannot listen on 0.0.0.0:443: listen: bind: too many open files",
	} {
		err := cannotListen("SIP over TLS", "0.0.0.0:443", &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", errno)})
		if err.Error() != want {
			t.Errorf("%v: %v", errno, err)
		}
	}
}
