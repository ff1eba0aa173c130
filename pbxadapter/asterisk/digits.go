package asterisk

import (
	"context"
	"fmt"
	"strings"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
	"farhook/pbxadapter/asterisk/ami"
)

// digit is a key that was pressed at a phone. What Asterisk plays to a channel is the same key once more.
func (t *tracker) digit(m ami.Message) {
	c := t.of(m, "")
	if !t.keys || c == nil || c.leg == nil || m.Get("Direction") != "Received" || ami.Digit.Check(m.Get("Digit")) != nil {
		return
	}
	t.pressed(c.leg, m.Get("Digit"), number(m.Get("DurationMs")))
}

func (t *tracker) pressed(l *leg, digit string, ms int) {
	e := csta.DigitsGeneratedEvent{Connection: new(l.id()), DigitGeneratedList: digit}
	if ms > 0 {
		e.DigitDurationList = []int{ms}
	}
	t.say(callmodel.Noted{Meta: t.meta(l, ""), Connection: l.id(), What: e})
}

// generateDigits plays tones to the other party: by its channel where there is one, and into the own one in a conference.
func (a *Adapter) generateDigits(ctx context.Context, r csta.GenerateDigits) (csta.GenerateDigitsResponse, error) {
	var none csta.GenerateDigitsResponse
	digits := strings.ToUpper(r.CharactersToSend)
	if digits == "" || strings.Trim(digits, "0123456789*#ABCD,") != "" {
		return none, csta.ErrInvalidParameterValue.With("charactersToSend: want 0-9, *, #, A-D and comma")
	}
	if len(digits) > maxDigits {
		return none, csta.ErrValueOutOfRange.With(fmt.Errorf("charactersToSend: %d, at most %d at a time", len(digits), maxDigits))
	}
	conn, err := a.connection()
	if err != nil {
		return none, err
	}
	a.mu.Lock()
	l, c, err := a.withChannel(r.ConnectionToSendDigits, csta.ErrNoActiveCall, csta.Connected)
	if err != nil {
		a.mu.Unlock()
		return none, err
	}
	name, receive := c.name, true
	if rest := l.call.live(l); len(rest) == 1 && c.bridge != nil && !c.bridge.apart && rest[0].channel().bridge == c.bridge {
		name, receive = rest[0].channel().name, false
	}
	a.mu.Unlock()
	for i, d := range digits {
		if i > 0 {
			select {
			case <-ctx.Done():
				return none, ctx.Err()
			case <-time.After(digitPause):
			}
		}
		if d == ',' {
			continue
		}
		action := ami.NewAction("PlayDTMF").With("Channel", ami.Channel, name).With("Digit", ami.Digit, string(d)).Fixed("Duration", "150")
		if receive {
			action.Fixed("Receive", "true")
		}
		if _, err := conn.Do(ctx, action); err != nil {
			return none, a.fault(ctx, err)
		}
		if a.conf.Digits && !receive {
			a.played(ctx, l, string(d))
		}
	}
	return none, nil
}

const (
	digitPause = 250 * time.Millisecond
	maxDigits  = 28 // within the time that a request has
)

// played tells a key that was played to the other party for a request, which no event says of this one.
func (a *Adapter) played(ctx context.Context, l *leg, digit string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l.call.leg(l.device) != l {
		return
	}
	op := l.op
	l.op = pbxadapter.Op(ctx)
	a.t.until(time.Now())
	a.t.pressed(l, digit, 0)
	l.op = op
}
