package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"farhook/pbxadapter/sim"
)

// snippet is one program of docs/integrate.md.
type snippet struct{ language, task, text string }

func snippets(t *testing.T) []snippet {
	t.Helper()
	text, err := os.ReadFile("../../docs/integrate.md")
	if err != nil {
		t.Fatal(err)
	}
	var list []snippet
	for _, m := range regexp.MustCompile("(?s)\n```([a-z]+) ([a-z]+)\n(.*?)\n```\n").FindAllStringSubmatch(string(text), -1) {
		list = append(list, snippet{m[1], m[2], m[3]})
	}
	return list
}

// how to run a program of each language.
var interpreters = map[string]struct{ file, program string }{
	"bash": {"x.sh", "bash"}, "javascript": {"x.mjs", "node"}, "python": {"x.py", "python3"}, "go": {"x.go", "go"},
}

// command is a snippet ready to run.
func (x snippet) command(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	i := interpreters[x.language]
	program, err := exec.LookPath(i.program)
	if err != nil {
		if os.Getenv("FARHOOK_CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	file := filepath.Join(t.TempDir(), i.file)
	if err := os.WriteFile(file, []byte(x.text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{file}
	if x.language == "go" {
		args = []string{"run", file}
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(append(os.Environ(), "TOKEN="), env...)
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// demo runs the demonstration, and gives where it is.
func demo(t *testing.T) string {
	t.Helper()
	c, err := parse("demo", []byte(simExample))
	if err != nil {
		t.Fatal(err)
	}
	c.SIP.Listen, c.HTTP.Listen = []string{"127.0.0.1:0"}, "127.0.0.1:0"
	conf := sim.Demo()
	conf.Quiet, conf.Clock = true, sim.NewSteppedClock()
	g, err := open(c, "", &streams{out: io.Discard, err: io.Discard}, &conf)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.run(ctx) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	url := "http://" + g.httpAddr().String()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		res, err := http.Get(url + "/api/v1/devices/1001")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == 200 {
				return url
			}
		}
		if time.Since(began) > 20*time.Second {
			t.Fatal("the demo is not there: ", err)
		}
	}
}

// Every example of docs/integrate.md does what it says, in each of the languages.
func TestIntegrate(t *testing.T) {
	t.Parallel()
	const body = `{"type":"event","position":"e.1"}`
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	m := hmac.New(sha256.New, []byte("0123456789abcdef0123456789abcdef"))
	fmt.Fprintf(m, "evt_1.%s.%s", stamp, body)
	genuine := "v1,AAAA v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
	all := snippets(t)
	if len(all) != 17 {
		t.Fatalf("%d examples, want 4 tasks in 4 languages, and CI", len(all))
	}
	for _, x := range all {
		t.Run(x.task+" in "+x.language, func(t *testing.T) {
			switch x.task {
			case "verify":
				for _, c := range []struct {
					says, body, signature, at string
				}{{"genuine", body, genuine, stamp}, {"forged", body + " ", genuine, stamp}, {"forged", body, "v1,AAAA", stamp}, {"", body, genuine, "1"}} {
					if x.language == "go" && c.says == "" {
						continue // each run is a build
					}
					cmd := x.command(t, "ID=evt_1", "TIMESTAMP="+c.at, "SIGNATURE="+c.signature, "SECRET="+secret)
					cmd.Stdin = strings.NewReader(c.body)
					out, err := cmd.CombinedOutput()
					if (err == nil) != (c.says == "genuine") || !strings.Contains(string(out), c.says) {
						t.Errorf("%v: %s", err, out)
					}
				}
			case "ci":
				self, err := os.Executable()
				if err != nil {
					t.Fatal(err)
				}
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				l.Close()
				bin := t.TempDir()
				if err := os.WriteFile(filepath.Join(bin, "farhook"), []byte("#!/bin/sh\n"+asMain+"=1 exec '"+self+"' \"$@\"\n"), 0o700); err != nil {
					t.Fatal(err)
				}
				out, err := x.command(t, "FARHOOK=http://"+l.Addr().String(), "PATH="+bin+":"+os.Getenv("PATH"), "XDG_RUNTIME_DIR="+bin).CombinedOutput()
				if err != nil || !strings.Contains(string(out), "Dr. No") {
					t.Errorf("%v: %s", err, out)
				}
			case "make":
				out, err := x.command(t, "FARHOOK="+demo(t)).CombinedOutput()
				if err != nil || strings.Count(string(out), "connected") < 2 || !strings.Contains(string(out), "ticket 4711") {
					t.Errorf("%v: %s", err, out)
				}
			default:
				url := demo(t)
				cmd := x.command(t, "FARHOOK="+url)
				var out bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &out
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() { ended <- cmd.Wait() }()
				again := time.NewTicker(300 * time.Millisecond)
				defer again.Stop()
				for n := 0; ; n++ {
					select {
					case err := <-ended:
						if s := out.String(); err != nil || x.task == "pop" && !strings.Contains(s, "calls: tel:+4989123 Dr. No") || x.task == "follow" && !strings.Contains(s, "rings: ") {
							t.Errorf("%v: %s", err, s)
						}
						return
					case <-again.C: // the program may not be there yet
						for path, body := range map[string]string{"calls": `{"from":"tel:+4989123","name":"Dr. No","to":"1001"}`, "devices/1001/hand": `{"act":"hangUp"}`} {
							res, err := http.Post(url+"/api/v1/sim/"+path, "application/json", strings.NewReader(body))
							if err != nil {
								t.Fatal(err)
							}
							res.Body.Close()
						}
						if n > 200 {
							t.Fatal("nothing is seen")
						}
					}
				}
			}
		})
	}
}
