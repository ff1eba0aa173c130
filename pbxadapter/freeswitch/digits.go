package freeswitch

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// pressed is how long the PBX may take for a key, a pause among them.
const pressed = time.Second

// digit is a key that was pressed at a phone, or that we had the PBX take for one.
func (t *tracker) digit(l *leg, e *event) {
	d := e.get(dtmfDigit)
	if !t.keys || l.conn == nil || len(d) != 1 || !strings.Contains("0123456789*#ABCD", d) {
		return
	}
	what := csta.DigitsGeneratedEvent{Connection: new(t.id(l.conn)), DigitGeneratedList: d}
	if n, err := strconv.Atoi(e.get(dtmfDuration)); err == nil && n > 0 && n < 1<<20 {
		what.DigitDurationList = []int{n / 8} // milliseconds
	}
	meta := t.meta(l.call, "")
	if op, ours := t.pressing[l.id]; ours {
		meta.Op = op
	}
	t.facts(callmodel.Noted{Meta: meta, Connection: t.id(l.conn), What: what})
}

// generateDigits has the PBX take keys for pressed at a phone: the other party hears them, and what is bound to keys acts.
func (a *Adapter) generateDigits(ctx context.Context, r csta.GenerateDigits) (csta.GenerateDigitsResponse, error) {
	var none csta.GenerateDigitsResponse
	if d := r.CharactersToSend; d == "" || len(d) > 64 || strings.Trim(d, "0123456789*#ABCDabcd,") != "" {
		return none, csta.ErrInvalidParameterValue.With("charactersToSend: want 1 to 64 of 0-9, *, #, A-D and comma")
	}
	id, err := ask(a, func(t *tracker) (string, error) {
		n, err := a.in(r.ConnectionToSendDigits, csta.ErrNoActiveCall, csta.Connected)
		if err != nil {
			return "", err
		}
		if l := n.leg(); l != nil {
			t.pressing[l.id] = pbxadapter.Op(ctx)
			t.after(time.Duration(len(r.CharactersToSend)+1)*pressed, func() { delete(t.pressing, l.id) })
			return l.id, nil
		}
		return "", errAlone
	})
	if err != nil {
		return none, err
	}
	digits := strings.ReplaceAll(strings.ToUpper(r.CharactersToSend), ",", "W") // a pause of a second
	text, err := a.query(ctx, "uuid_recv_dtmf "+id+" "+digits)
	if err == nil && !slices.Contains(strings.Fields(text), "DTMF") {
		err = csta.ErrInvalidConnectionState.With(fmt.Errorf("freeswitch: the PBX said %s", clip(text)))
	}
	return none, err
}
