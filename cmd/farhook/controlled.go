package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"farhook/pbxadapter/switchboard/wiretap"
)

// installedControl is where the package's service has its control socket.
const installedControl = "/run/farhook/control.sock"

// door is how a command finds the running gateway.
type door struct {
	Config  string `placeholder:"FILE" help:"The configuration of the running gateway, which says where its control socket is."`
	Control string `placeholder:"PATH" help:"Its control socket; default that of the installed service, else of farhook demo."`
}

type drainCmd struct {
	door
	Stop bool `help:"End the gateway afterwards, for good."`
}

type traceCmd struct {
	door
	look
	Line    string        `help:"Messages of this line, and what they caused."`
	Call    string        `help:"Messages that name this call, and what they caused."`
	Session string        `placeholder:"CALL-ID" help:"Messages of this SIP session, and what they caused."`
	PBX     string        `name:"pbx" placeholder:"NAME" help:"Messages of this PBX, and what they caused or were caused by; with one of the others: leave out what was said with other PBXs."`
	Trace   string        `placeholder:"ID" help:"Messages of the request with this trace id."`
	Since   time.Duration `placeholder:"DURATION" help:"Only what is no older, such as 10m."`
	Limit   int           `default:"1000" help:"The newest messages, at most so many."`
	Bodies  bool          `help:"Show the messages themselves, too."`
	JSON    bool          `name:"json" xor:"form" help:"Print a JSON document a line instead of a ladder."`
	Text    bool          `xor:"form" help:"Print the messages themselves, one after the other, instead of a ladder."`
	Pcap    string        `xor:"form" placeholder:"FILE" help:"Write them to FILE as a capture (pcapng) for Wireshark, tshark, sngrep; - is standard output."`
	Follow  bool          `short:"f" help:"Go on with what is said from now on, until Ctrl-C; as text or JSON."`
}

// Run of drain.
func (d *drainCmd) Run(ctx context.Context, s *streams) error {
	q := url.Values{}
	if d.Stop {
		q.Set("stop", "")
	}
	body, err := d.ask(ctx, http.MethodPost, "/drain", q)
	if err != nil {
		return err
	}
	defer body.Close()
	var got drained
	if err := json.NewDecoder(body).Decode(&got); err != nil {
		return fmt.Errorf("the gateway's answer cannot be read: %w", err)
	}
	fmt.Fprintf(s.out, "%d sessions ended\n", got.Ended-got.Left)
	if got.Left > 0 {
		return fmt.Errorf("%d sessions are still there", got.Left)
	}
	return nil
}

// Run of trace.
func (t *traceCmd) Run(ctx context.Context, s *streams) error {
	q := url.Values{"limit": {strconv.Itoa(t.Limit)}}
	for name, v := range map[string]string{"line": t.Line, "call": t.Call, "session": t.Session, "pbx": t.PBX, "trace": t.Trace} {
		if v != "" {
			q.Set(name, v)
		}
	}
	if t.Since != 0 {
		q.Set("since", t.Since.String())
	}
	if t.Follow {
		if t.Pcap != "" {
			return errors.New("--follow goes on as text or JSON: a capture is written at once")
		}
		q.Set("follow", "")
	}
	body, err := t.ask(ctx, http.MethodGet, "/trace", q)
	if err != nil {
		return err
	}
	defer body.Close()
	if t.JSON && !t.Follow {
		_, err := io.Copy(s.out, body)
		return err
	}
	var all []wiretap.Record
	for in := json.NewDecoder(bufio.NewReader(body)); ; {
		var r wiretap.Record
		if err := in.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("the gateway's answer cannot be read: %w", err)
		}
		r.At = r.At.Local()
		if !t.Follow {
			all = append(all, r)
			continue
		}
		if t.JSON {
			err = json.NewEncoder(s.out).Encode(r)
		} else {
			err = wiretap.Text(s.out, []wiretap.Record{r}, t.colours(s.out))
		}
		if err != nil {
			return err
		}
	}
	switch {
	case t.Follow:
		return ctx.Err()
	case t.Text:
		return wiretap.Text(s.out, all, t.colours(s.out))
	case t.Pcap == "-":
		return wiretap.Pcapng(s.out, all)
	case t.Pcap != "":
		return writeFile(t.Pcap, s.out, func(w io.Writer) error { return wiretap.Pcapng(w, all) })
	}
	return wiretap.Ladder(s.out, all, wiretap.LadderOptions{Width: t.columns(s.out), Bodies: t.Bodies, Colour: t.colours(s.out)})
}

// writeFile writes a file that only its owner may read, and says so.
func writeFile(path string, out io.Writer, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err == nil {
			fmt.Fprintf(out, "%s written\n", path)
		}
	}()
	return write(f)
}

// ask sends a request to the running gateway, and gives the body of its answer.
func (d *door) ask(ctx context.Context, method, path string, q url.Values) (io.ReadCloser, error) {
	socket, err := d.socket()
	if err != nil {
		return nil, err
	}
	c := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, method, "http://farhook"+path+"?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	res, err := c.Do(req)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			return nil, fmt.Errorf("no farhook answers at %s: %w", socket, errors.Unwrap(op.Err))
		}
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(res.Body, 4096))
		return nil, errors.New(strings.TrimSpace(string(text)))
	}
	return res.Body, nil
}

func (d *door) socket() (string, error) {
	switch {
	case d.Control != "":
		return d.Control, nil
	case d.Config != "":
		c, err := load(d.Config)
		if c.Control != "" {
			return c.Control, nil // whatever else is wrong with the file: the gateway that runs says so
		}
		if err == nil && c.Control == "" {
			err = fmt.Errorf("%s: the gateway has no control socket: it needs the key control", d.Config)
		}
		return c.Control, err
	}
	if _, err := os.Stat(installedControl); err == nil {
		return installedControl, nil
	}
	if p := defaultControl(); p != "" {
		return p, nil
	}
	return "", errors.New("which gateway? Give --config FILE or --control PATH")
}
