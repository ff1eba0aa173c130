package main

import (
	"encoding/json"
	"regexp"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"farhook/pbxadapter/numbering"
)

// LogNumbers says whether numbers stand in the log.
type LogNumbers string

// The ways.
const (
	NumbersMasked LogNumbers = "masked" // of each number only the last two digits
	NumbersFull   LogNumbers = "full"
)

// numberFields are fields whose value is a number as a peer or a PBX writes it; in all others only what looks like one for certain is.
var numberFields = map[string]bool{
	"device": true, "line": true, "number": true, "called": true, "calling": true, "dialled": true, "spelling": true, "extension": true, "endpoint": true,
}

// surelyNumber is what is a number wherever it stands: a tel URI, an international number, the user of a SIP URI, and a phone as the PBXs write it: PJSIP/1002-0000001a,
// user/1002, sofia/internal/1002@10.0.0.1.
var surelyNumber = regexp.MustCompile(`tel:[+*#]*[0-9][0-9().-]*[0-9]|\+[0-9][0-9().-]{2,}[0-9]|\bsips?:[*#]*[0-9]{3,}@|\b(?:PJSIP|SIP|IAX2|DAHDI|Local|user|loopback|sofia/[\w.-]+)/[+*#]*[0-9]{3,}`)

// numberUser is a user who goes by his extension.
var numberUser = regexp.MustCompile(`^[0-9]+(?:@|$)`)

func maskNumbers(field, s string) string {
	if numberFields[field] {
		return numbering.Masked(s)
	}
	if field == "user" {
		s = numberUser.ReplaceAllStringFunc(s, numbering.Masked)
	}
	return surelyNumber.ReplaceAllStringFunc(s, func(number string) string {
		from := strings.LastIndexByte(number, '/') + 1
		return number[:from] + numbering.Masked(number[from:])
	})
}

// numberless is a core that hides numbers from another.
type numberless struct{ zapcore.Core }

// With takes fields for all later lines.
func (n numberless) With(fields []zapcore.Field) zapcore.Core {
	return numberless{n.Core.With(withoutNumbers(fields))}
}

// Check asks the other one's level.
func (n numberless) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if n.Enabled(e.Level) {
		return c.AddCore(e, n)
	}
	return c
}

// Write hands a line on.
func (n numberless) Write(e zapcore.Entry, fields []zapcore.Field) error {
	e.Message = maskNumbers("", e.Message)
	return n.Core.Write(e, withoutNumbers(fields))
}

// withoutNumbers gives fields in which numbers are masked; those that have none as they are.
func withoutNumbers(fields []zapcore.Field) []zapcore.Field {
	out := make([]zapcore.Field, len(fields))
	for i, f := range fields {
		out[i] = f
		switch f.Type { //nolint:exhaustive // all others hold no text
		case zapcore.StringType:
			out[i].String = maskNumbers(f.Key, f.String)
		case zapcore.ByteStringType, zapcore.ErrorType, zapcore.StringerType, zapcore.ReflectType, zapcore.ArrayMarshalerType, zapcore.ObjectMarshalerType, zapcore.InlineMarshalerType:
			m := zapcore.NewMapObjectEncoder()
			f.AddTo(m)
			for key, v := range m.Fields {
				text, ok := v.(string)
				if !ok {
					b, err := json.Marshal(v)
					if err != nil {
						continue
					}
					text = string(b)
				}
				if hidden := maskNumbers(f.Key, text); hidden != text {
					out[i] = zap.String(key, hidden)
				}
			}
		}
	}
	return out
}
