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
				if strings.Contains(out.String(), "1555100") {
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
