package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard/wiretap"
	"farhook/uacsta/uactest"
)

type recordCmd struct {
	door
	Dir     string        `arg:"" placeholder:"DIR" help:"Folder for the file; it's named after the time."`
	Line    string        `help:"Sessions of this line, and what they caused."`
	Call    string        `help:"What has to do with this call; its sessions must have begun of late, too."`
	Session string        `placeholder:"CALL-ID" help:"This SIP session, and what it caused."`
	Since   time.Duration `placeholder:"DURATION" help:"Only what is no older, such as 10m."`
}

type replayCmd struct {
	File     string        `arg:"" help:"The conversation."`
	Server   string        `default:"127.0.0.1:5060" placeholder:"HOST:PORT" help:"The gateway, over TCP; one for trials, with the lines of the simulated PBX."`
	Patience time.Duration `default:"10s" help:"How long a message may take to come."`
}

// Run of record.
func (c *recordCmd) Run(ctx context.Context, s *streams) error {
	q := url.Values{"limit": {strconv.Itoa(maxTrace)}}
	for name, v := range map[string]string{"line": c.Line, "call": c.Call, "session": c.Session} {
		if v != "" {
			q.Set(name, v)
		}
	}
	if c.Since != 0 {
		q.Set("since", c.Since.String())
	}
	body, err := c.ask(ctx, http.MethodGet, "/trace", q)
	if err != nil {
		return err
	}
	defer body.Close()
	var all []wiretap.Record
	for in := json.NewDecoder(bufio.NewReader(body)); ; {
		var r wiretap.Record
		if err := in.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("the gateway's answer cannot be read: %w", err)
		}
		all = append(all, r)
	}
	name := "recorded-" + time.Now().Format("20060102-150405") + ".txt"
	var standing []callmodel.Call
	if len(all) > 0 {
		body, err := c.ask(ctx, http.MethodGet, "/standing", url.Values{"at": {all[0].At.Format(time.RFC3339Nano)}})
		if err != nil {
			return err
		}
		defer body.Close()
		if err := json.NewDecoder(body).Decode(&standing); err != nil {
			return fmt.Errorf("the gateway's answer cannot be read: %w", err)
		}
	}
	f, err := uactest.Record(name, all, standing)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(c.Dir, name), s.out, func(w io.Writer) error {
		_, err := io.WriteString(w, f.String())
		return err
	})
}

// standingDoor lets record ask which calls stood at a moment.
func (g *gateway) standingDoor(mux *http.ServeMux) {
	mux.HandleFunc("GET /standing", func(w http.ResponseWriter, r *http.Request) {
		at, err := time.Parse(time.RFC3339Nano, r.URL.Query().Get("at"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(g.board.Standing(at))
	})
}

// Run of replay.
func (c *replayCmd) Run(s *streams) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	f, err := uactest.Parse(c.File, string(text))
	if err != nil {
		return err
	}
	p := uactest.Player{
		Addr: c.Server, Patience: c.Patience,
		// Nobody's hands are here: whoever stands at the phones does it, or the simulated phones, which answer by themselves.
		PBX: func(line string) error {
			fmt.Fprintf(s.out, "at the phones: %s\n", line)
			return nil
		},
	}
	if err := p.Play(f); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: as it was, %d steps\n", c.File, len(f.Steps))
	return nil
}
