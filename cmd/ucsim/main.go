// Ucsim is one UC user on the command line: it signs in to a line through a farhook gateway (or any other uaCSTA peer), monitors it, carries
// out commands, and prints each event as one readable line. It speaks SIP with code of its own, so it checks the gateway from outside.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

type cli struct {
	Server   string        `default:"127.0.0.1:5060" help:"Gateway, host:port."`
	Line     string        `default:"tel:+15551001" help:"Line to sign in to, as the UC server has it."`
	User     string        `default:"sip:ucsim@localhost" help:"SIP address of the user."`
	Gateway  string        `default:"sip:farhook@localhost" help:"Line server URI: the address the INVITE is for."`
	TLS      bool          `name:"tls" help:"TLS instead of TCP."`
	CA       string        `name:"ca" placeholder:"FILE" help:"Certificates that the gateway's must come from (PEM)."`
	Cert     string        `placeholder:"FILE" help:"Own certificate (PEM)."`
	Key      string        `placeholder:"FILE" help:"Its key (PEM)."`
	Script   string        `placeholder:"FILE" help:"Commands to carry out, one a line; - is standard input. The first that fails ends it with status 1."`
	Patience time.Duration `default:"10s" help:"How long to wait for an answer or an awaited event."`
	Raw      bool          `help:"Print every SIP message too."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	kong.Parse(&c, kong.Name("ucsim"), kong.Description("A UC user on the command line.\n\n"+commandHelp()))
	if err := run(ctx, c, os.Stdin, os.Stdout); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "ucsim:", err)
		os.Exit(1)
	}
}

// run signs in, carries out commands until they end, and signs out.
func run(ctx context.Context, c cli, in io.Reader, out io.Writer) error {
	script := false
	if c.Script != "" {
		script = true
		if c.Script != "-" {
			f, err := os.Open(c.Script)
			if err != nil {
				return err
			}
			defer f.Close()
			in = f
		}
	}
	conn, err := dial(ctx, c)
	if err != nil {
		return fmt.Errorf("cannot reach the gateway at %s: %w", c.Server, err)
	}
	p := &printer{out: out, raw: c.Raw}
	u := newUA(conn, c, p)
	defer u.close()
	if err = u.signIn(ctx); err == nil {
		err = commands(ctx, u, in, script)
	}
	out2, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return errors.Join(err, u.signOut(out2))
}

// commands reads and carries out one command a line. Typed ones go on after a failure, a script's end with it.
func commands(ctx context.Context, u *ua, in io.Reader, script bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case err := <-u.dead:
			return err
		case line, ok := <-lines:
			if !ok {
				if script {
					return nil
				}
				lines = nil // standard input has ended: go on telling events
				continue
			}
			words := strings.Fields(line)
			if len(words) == 0 || strings.HasPrefix(words[0], "#") {
				continue
			}
			if words[0] == "quit" {
				return nil
			}
			if err := u.do(ctx, words); err != nil {
				if script {
					return fmt.Errorf("line %d, %s: %w", n, words[0], err)
				}
				u.print.line("! %s: %v", words[0], err)
			}
		}
	}
}

func dial(ctx context.Context, c cli) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	var d net.Dialer
	if !c.TLS {
		return d.DialContext(ctx, "tcp", c.Server)
	}
	host, _, err := net.SplitHostPort(c.Server)
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, err
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: no certificate in it", c.CA)
		}
	}
	if c.Cert != "" {
		cert, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, err
		}
		conf.Certificates = []tls.Certificate{cert}
	}
	return (&tls.Dialer{Config: conf}).DialContext(ctx, "tcp", c.Server)
}
