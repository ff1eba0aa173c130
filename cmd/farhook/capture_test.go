package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"farhook/csta"
	"farhook/pbxadapter/switchboard/wiretap"
	"farhook/uacsta/uactest"
)

// program is a program that CI has, and others may.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("FARHOOK_CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("%s is missing", name)
	}
	return path
}

// fields has tshark read a capture, and gives a line for each packet that the filter lets through.
func fields(t *testing.T, file, filter string, names ...string) (lines []string) {
	t.Helper()
	args := []string{"-r", file, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-Y", filter, "-T", "fields"}
	for _, n := range names {
		args = append(args, "-e", n)
	}
	var out, errs bytes.Buffer
	c := exec.CommandContext(t.Context(), program(t, "tshark"), args...)
	c.Env = append(os.Environ(), "HOME="+t.TempDir())
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("tshark: %v\n%s", err, errs.String())
	}
	return strings.Fields(out.String())
}

// Two sessions and a call between them are a capture in which tshark and sngrep find the dialogs; what is said meanwhile is followed.
func TestCapture(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket := filepath.Join(dir, "c")
	g := begin(t, "serve", "--config", config(t, "sip: {listen: ['127.0.0.1:0']}\ncontrol: %s\n", socket))
	g.logged(`"PBX link up"`)

	ctx, cancel := context.WithCancel(t.Context())
	var live output
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"trace", "--control", socket, "--follow", "--json"}, &live, &live) }()

	uc := newUCServer(t, []string{"tel:+15551001", "tel:+15551002"})
	uc.dial(g.sip, 2)
	uc.signIn()
	a, b := uc.sessions[0], uc.sessions[1]
	a.conn.write(true, a.request(uc, "INFO", csta.Encode(nil, csta.MakeCall{
		CallingDevice: "tel:+15551001", CalledDirectoryNumber: "tel:+15551002", AutoOriginate: csta.AutoOriginateDoNotPrompt,
	}, csta.Ed3)))
	if m, _, err := csta.Decode(a.await(t).body); err != nil {
		t.Fatal(m, err)
	}
	uc.quiet(200e6)

	all := func() (records []wiretap.Record) {
		for line := range strings.Lines(answer(t, 0, "trace", "--json", "--control", socket)) {
			var r wiretap.Record
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			records = append(records, r)
		}
		return records
	}
	records := all()
	until(t, "as much is followed as is found", func() bool { return strings.Count(live.String(), "\n") >= len(records) })
	cancel()
	if status := <-ended; status != 0 {
		t.Errorf("follow: %d\n%s", status, live.String())
	}
	once := strings.Split(strings.TrimSpace(live.String()), "\n")
	slices.Sort(once)
	if n := len(slices.Compact(slices.Clone(once))); n != len(once) {
		t.Errorf("%d of %d messages were told twice", len(once)-n, len(once))
	}

	file := filepath.Join(dir, "call.pcapng")
	if got := answer(t, 0, "trace", "--control", socket, "--pcap", file); got != file+" written\n" {
		t.Error(got)
	}
	text := answer(t, 0, "trace", "--control", socket, "--text")
	sip := 0
	for _, r := range records {
		if r.Layer == wiretap.SIP {
			sip++
		}
	}
	if n := strings.Count(text, "\n== ") + 1; n != len(records) || !strings.Contains(text, "<MakeCall ") {
		t.Errorf("%d messages as text, want %d", n, len(records))
	}

	wrong := "tcp.checksum.status == 0 or ip.checksum.status == 0 or _ws.malformed or tcp.analysis.lost_segment or tcp.analysis.retransmission or tcp.analysis.out_of_order"
	if bad := fields(t, file, wrong, "frame.number"); len(bad) > 0 {
		t.Errorf("packets %v are wrong", bad)
	}
	ids := fields(t, file, "sip", "sip.Call-ID")
	if len(ids) < sip {
		t.Errorf("tshark sees %d SIP messages, want %d", len(ids), sip)
	}
	slices.Sort(ids)
	want := []string{a.callID, b.callID}
	slices.Sort(want)
	if got := slices.Compact(ids); !slices.Equal(got, want) {
		t.Errorf("tshark sees the dialogs %v, want %v", got, want)
	}
	if n := len(fields(t, file, "tcp.port == 5038 and tcp.len > 0", "frame.number")); n == 0 {
		t.Error("there is nothing of the PBX")
	}

	read := filepath.Join(dir, "sngrep.pcap")
	c := exec.CommandContext(t.Context(), program(t, "sngrep"), "-N", "-q", "-I", file, "-O", read)
	c.Env = append(os.Environ(), "HOME="+dir, "TERM=dumb")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("sngrep: %v\n%s", err, out)
	}
	ids = fields(t, read, "sip", "sip.Call-ID")
	slices.Sort(ids)
	if got := slices.Compact(ids); !slices.Equal(got, want) {
		t.Errorf("sngrep sees the dialogs %v, want %v", got, want)
	}
}

// overheard keeps the octets that go out on a connection.
type overheard struct {
	net.Conn
	out output
}

func (o *overheard) Write(b []byte) (int, error) {
	_, _ = o.out.Write(b)
	return o.Conn.Write(b)
}

// A session over TLS is in the capture as what was said, not as what went over the wire: tshark reads the dialog and the CSTA in it without a key.
func TestCaptureOfTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket := filepath.Join(dir, "c")
	a := uactest.NewAuthority(t)
	const name = "gw.example.com"
	keys := newRingFiles(t, a, uactest.Wanted{Names: []string{name}})
	g := begin(t, "serve", "--config", config(t, "sip: {listen: ['127.0.0.1:0'], contact: %s, tls: {listen: ['127.0.0.1:0'], certificate: %s, key: %s, client_ca: %s}}\ncontrol: %s\n",
		name, keys.Certificate, keys.Key, keys.ClientCA, socket))
	g.logged(`"PBX link up"`)
	uc := newUCServer(t, []string{"tel:+15551001"})
	cert, key := a.Issue(uactest.Wanted{Names: []string{"fe.example.com"}})
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := net.Dial("tcp", g.logged(`"farhook started".*"sips":\["([^"]+)"\]`)[1])
	if err != nil {
		t.Fatal(err)
	}
	wire := &overheard{Conn: plain}
	s := uc.sessions[0]
	s.conn = uc.serve(tls.Client(wire, &tls.Config{RootCAs: a.Pool, ServerName: name, Certificates: []tls.Certificate{pair}}))
	uc.signIn()
	uc.compare()
	if sent := wire.out.String(); strings.Contains(sent, "SIP/2.0") || len(sent) < 1000 {
		t.Fatalf("what went over the wire isn't encrypted: %d octets", len(sent))
	}
	file := filepath.Join(dir, "tls.pcapng")
	answer(t, 0, "trace", "--control", socket, "--pcap", file)
	if ids := slices.Compact(fields(t, file, "sip", "sip.Call-ID")); !slices.Equal(ids, []string{s.callID}) {
		t.Errorf("tshark sees the dialogs %v, want %s", ids, s.callID)
	}
	methods := fields(t, file, "sip.Request-Line", "sip.Method")
	for _, want := range []string{"INVITE", "ACK", "INFO"} {
		if !slices.Contains(methods, want) {
			t.Errorf("tshark sees the methods %v, and no %s", methods, want)
		}
	}
	for _, element := range []string{"MonitorStart ", "SnapshotDeviceResponse "} {
		if n := len(fields(t, file, `sip.msg_body and frame contains "<`+element+`"`, "frame.number")); n == 0 {
			t.Errorf("tshark sees no %s", element)
		}
	}
	if n := len(fields(t, file, "tls", "frame.number")); n > 0 {
		t.Errorf("%d packets are TLS", n)
	}
}
