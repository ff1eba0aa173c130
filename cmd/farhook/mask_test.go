package main

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/zap"

	"farhook/csta"
)

func TestLogMasksNumbers(t *testing.T) {
	for _, c := range []struct {
		name  string
		field zap.Field
		want  string
	}{
		{"a device", zap.String("device", "tel:+15551002"), `tel:+xxxxxx02`},
		{"an extension", zap.String("line", "1002"), `xx02`},
		{"with separators", zap.String("called", "+1 (555) 10-02"), `+x (xxx) xx-02`},
		{"a SIP address that is a number", zap.String("user", "sip:+15551002@example.com"), `sip:+xxxxxx02@example.com`},
		{"a SIP address that is none", zap.String("user", "sip:alice@example.com"), `sip:alice@example.com`},
		{"an error", zap.Error(errors.New("no device tel:+15551002 here")), `no device tel:+xxxxxx02 here`},
		{"an error of the standard", zap.Error(csta.ErrInvalidDeviceID.With("number +15551002")), `+xxxxxx02`},
		{"a list", zap.Strings("lines", []string{"tel:+15551002", "tel:+15551003"}), `tel:+xxxxxx03`},
		{"anything", zap.Any("x", map[string]string{"a": "tel:+15551002"}), `tel:+xxxxxx02`},
		{"octets", zap.ByteString("x", []byte("tel:+15551002")), `tel:+xxxxxx02`},
		{"a short number", zap.String("x", "tel:115551009;phone-context=dialstring, tel:100;phone-context=dialstring"), `tel:x00;phone-context=dialstring`},
		{"an extension that is a SIP user", zap.String("x", "<sip:91555100@example.com>"), `<sip:xxxxxx00@example.com>`},
		{"an extension that is a user", zap.String("user", "91555100@example.com"), `xxxxxx00@example.com`},
		{"a user with digits in his name", zap.String("user", "agent1002@example.com"), `agent1002@example.com`},
		{"a channel of Asterisk", zap.String("channel", "PJSIP/91555100-0000001a"), `PJSIP/xxxxxx00-0000001a`},
		{"a channel of Asterisk's own", zap.Error(errors.New("Local/91555100@farhook-00000002;1: no")), `Local/xxxxxx00@farhook-00000002;1: no`},
		{"a channel of another technology", zap.String("channel", "IAX2/91555100-12"), `IAX2/xxxxxx00-12`},
		{"a phone of FreeSWITCH", zap.String("command", "originate user/91555100 park"), `originate user/xxxxxx00 park`},
		{"a leg of FreeSWITCH", zap.String("leg", "sofia/internal/91555100@10.0.0.1:5060"), `sofia/internal/xxxxxx00@10.0.0.1:5060`},
		{"a protocol's version is no number", zap.String("x", "SIP/2.0 200 OK, sip:192.0.2.1:5060"), `SIP/2.0 200 OK, sip:192.0.2.1:5060`},
		{"a session is no number", zap.String("session", "91600@192.0.2.1"), `91600@192.0.2.1`},
		{"a call id is no number", zap.String("call", "asterisk-1764061200.17"), `asterisk-1764061200.17`},
		{"an address is no number", zap.String("peer", "10.20.30.40:5061"), `10.20.30.40:5061`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, format := range []string{"json", "console"} {
				var out output
				log, _ := newLog(LogConfig{Level: "info", Format: format}, &out)
				log.Info("told tel:+15551009", c.field)
				log.With(c.field).Info("again")
				lines := strings.Split(strings.TrimSpace(out.String()), "\n")
				if len(lines) != 2 || !strings.Contains(lines[0], c.want) || !strings.Contains(lines[1], c.want) || !strings.Contains(lines[0], "told tel:+xxxxxx09") {
					t.Errorf("want %s in both of\n%s", c.want, out.String())
				}
				if strings.Contains(out.String(), "555100") {
					t.Errorf("a number is there:\n%s", out.String())
				}
			}
			var out output
			log, _ := newLog(LogConfig{Level: "info", Format: "json", Numbers: NumbersFull}, &out)
			log.Info("told tel:+15551009", c.field)
			if !strings.Contains(out.String(), "told tel:+15551009") || strings.Contains(out.String(), "xx") {
				t.Errorf("not full: %s", out.String())
			}
		})
	}
}
