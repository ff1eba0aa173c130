package freeswitch

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// key is a header of an event that we read. An event has 60 to 220 of them; the others are passed over without a copy.
type key uint8

// The headers that we read.
const (
	eventName key = iota
	eventSubclass
	eventSequence
	coreUUID
	uniqueID
	oldUniqueID
	callDirection
	presenceID
	channelName
	channelState
	callState
	answerState
	callerNumber
	callerName
	callerDestination
	callerRDNIS
	callerContext
	callerHideNumber
	callerCreated
	otherType
	otherUniqueID
	bridgeA
	bridgeB
	hangupCause
	userName
	dialedUser
	disposition
	termStatus
	originatingLeg
	signalBond
	lastBridge // the last other leg, whether it is still there or not
	dialledFor // what came of the last leg that it dialled
	application
	loopbackEnd   // A or B
	loopbackOther // the other end
	transferTo
	refusedBy
	userAgent
	gatewayName
	markCall // our own variables on a leg: which call, made for what, to whom, whose hold, and who is parked for it, so that it parks too
	markRole
	markTo
	markHolder
	markParks
	conferenceID
	conferenceName
	conferenceVar
	conferenceIn
	action
	jobUUID
	mwiWaiting
	mwiAccount
	fromUser
	regUser
	regHost
	regUsername
	regAgent
	callID
	profileName
	featureAction
	featureEnabled
	featureName
	featureValue
	featureRings
	dtmfDigit
	dtmfDuration // samples, of 8,000 a second
	valetExtension
	valetSlot
	queueAction
	queueMember // for whom a leg is rung
	queueSide   // of a caller who waits
	body
	keys
)

// names are the headers' names on the wire.
var names = map[string]key{
	"Event-Name": eventName, "Event-Subclass": eventSubclass, "Event-Sequence": eventSequence, "Core-UUID": coreUUID,
	"Unique-ID": uniqueID, "Old-Unique-ID": oldUniqueID, "Call-Direction": callDirection, "Channel-Presence-ID": presenceID, "Channel-Name": channelName,
	"Channel-State": channelState, "Channel-Call-State": callState, "Answer-State": answerState,
	"Caller-Caller-ID-Number": callerNumber, "Caller-Caller-ID-Name": callerName,
	"Caller-Destination-Number": callerDestination, "Caller-RDNIS": callerRDNIS, "Caller-Context": callerContext,
	"Caller-Privacy-Hide-Number": callerHideNumber, "Caller-Channel-Created-Time": callerCreated,
	"Other-Type": otherType, "Other-Leg-Unique-ID": otherUniqueID, "Bridge-A-Unique-ID": bridgeA, "Bridge-B-Unique-ID": bridgeB, "Hangup-Cause": hangupCause,
	"variable_user_name": userName, "variable_dialed_user": dialedUser, "variable_sip_hangup_disposition": disposition, "variable_sip_term_status": termStatus,
	"variable_originating_leg_uuid": originatingLeg, "variable_signal_bond": signalBond,
	"variable_last_bridge_to": lastBridge, "variable_originate_disposition": dialledFor, "variable_current_application": application,
	"variable_loopback_leg": loopbackEnd, "variable_other_loopback_leg_uuid": loopbackOther,
	"variable_transfer_destination": transferTo, "variable_refused_by": refusedBy, "variable_sip_user_agent": userAgent,
	"variable_sip_gateway_name": gatewayName, "variable_farhook_call": markCall, "variable_farhook_role": markRole, "variable_farhook_to": markTo,
	"variable_farhook_holder": markHolder, "variable_farhook_parks": markParks, "Conference-Unique-ID": conferenceID, "Conference-Name": conferenceName, "variable_conference_uuid": conferenceVar,
	"variable_conference_name": conferenceIn, "Action": action,
	"Job-UUID": jobUUID, "MWI-Messages-Waiting": mwiWaiting, "MWI-Message-Account": mwiAccount, "from-user": fromUser, "user": regUser, "host": regHost,
	"username": regUsername, "user-agent": regAgent, "call-id": callID, "profile_name": profileName, "Feature-Action": featureAction,
	"Feature-Enabled": featureEnabled, "Action-Name": featureName, "Action-Value": featureValue, "ringCount": featureRings, "DTMF-Digit": dtmfDigit, "DTMF-Duration": dtmfDuration,
	"Valet-Extension": valetExtension, "variable_valet_lot_extension": valetSlot, "CC-Action": queueAction, "FIFO-Action": queueAction,
	"variable_cc_member_session_uuid": queueMember, "variable_fifo_bridge_uuid": queueMember, "variable_cc_side": queueSide, "variable_fifo_status": queueSide, "_body": body,
}

// byLength are the names by their length: most headers are told apart by that and their last octet, without a hash.
var byLength = func() (list [64][]headerName) {
	for name, k := range names {
		list[len(name)] = append(list[len(name)], headerName{name, k})
	}
	return list
}()

type headerName struct {
	name string
	key  key
}

func lookup(name []byte) (key, bool) {
	if len(name) >= len(byLength) {
		return 0, false
	}
	for _, n := range byLength[len(name)] {
		if n.name[len(name)-1] == name[len(name)-1] && n.name == string(name) {
			return n.key, true
		}
	}
	return 0, false
}

// event is one event: the headers that we read, each its first value where a header comes more than once.
type event struct {
	seq   uint64
	value [keys]string
	extra map[string]string // headers that the configuration names
}

func (e *event) get(k key) string { return e.value[k] }

// name is the event's name, for CUSTOM ones the subclass.
func (e *event) name() string {
	if n := e.value[eventName]; n != "CUSTOM" {
		return n
	}
	return e.value[eventSubclass]
}

// parser reads events in json. It passes over what nobody wants at the speed of a search for quotation marks.
type parser struct{ extra map[string]bool }

var errEvent = errors.New("an event that is no JSON object of strings")

// maxDepth bounds values inside values: events have arrays of strings, no more.
const maxDepth = 16

// parse reads one event into e, which it empties first.
func (p *parser) parse(b []byte, e *event) error {
	*e = event{}
	s := scan{b: b}
	if !s.take('{') {
		return errEvent
	}
	if s.take('}') {
		return s.end()
	}
	for {
		name, ok := s.raw()
		if !ok || !s.take(':') {
			return errEvent
		}
		k, known := lookup(name)
		extra := len(p.extra) > 0 && p.extra[string(name)]
		if !known && !extra {
			if !s.skip(0) {
				return errEvent
			}
		} else {
			v, ok := s.first()
			if !ok {
				return errEvent
			}
			if extra {
				if e.extra == nil {
					e.extra = make(map[string]string)
				}
				e.extra[string(name)] = v
			}
			if known {
				e.value[k] = v
			}
		}
		if s.take(',') {
			continue
		}
		if !s.take('}') {
			return errEvent
		}
		e.seq, _ = strconv.ParseUint(e.value[eventSequence], 10, 64)
		return s.end()
	}
}

// scan is a place in a JSON text.
type scan struct {
	b []byte
	i int
}

func (s *scan) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\t' || s.b[s.i] == '\r') {
		s.i++
	}
}

func (s *scan) take(c byte) bool {
	if s.space(); s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *scan) end() error {
	if s.space(); s.i != len(s.b) {
		return errEvent
	}
	return nil
}

// raw gives the inside of a string, escapes and all.
func (s *scan) raw() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	start := s.i
	for {
		n := bytes.IndexByte(s.b[s.i:], '"')
		if n < 0 {
			return nil, false
		}
		s.i += n
		back := 0
		for s.i-back > start && s.b[s.i-back-1] == '\\' {
			back++
		}
		s.i++
		if back%2 == 0 {
			return s.b[start : s.i-1], true
		}
	}
}

// first gives a string, or the first one of an array; what is neither is empty.
func (s *scan) first() (string, bool) {
	s.space()
	if s.i >= len(s.b) {
		return "", false
	}
	switch s.b[s.i] {
	case '"':
		raw, ok := s.raw()
		return unescape(raw), ok
	case '[':
		at := s.i
		if !s.skip(0) {
			return "", false
		}
		in := scan{b: s.b[:s.i], i: at + 1}
		raw, _ := in.raw()
		return unescape(raw), true
	}
	return "", s.skip(0)
}

// skip passes over any value.
func (s *scan) skip(depth int) bool {
	s.space()
	if s.i >= len(s.b) || depth > maxDepth {
		return false
	}
	switch c := s.b[s.i]; c {
	case '"':
		_, ok := s.raw()
		return ok
	case '[', '{':
		s.i++
		end := c + 2 // ']' and '}'
		if s.take(end) {
			return true
		}
		for {
			if c == '{' {
				if _, ok := s.raw(); !ok || !s.take(':') {
					return false
				}
			}
			if !s.skip(depth + 1) {
				return false
			}
			if s.take(',') {
				continue
			}
			return s.take(end)
		}
	}
	start := s.i
	for s.i < len(s.b) && (s.b[s.i] >= '0' && s.b[s.i] <= '9' || s.b[s.i] >= 'a' && s.b[s.i] <= 'z' || bytes.IndexByte([]byte("+-.E"), s.b[s.i]) >= 0) {
		s.i++
	}
	return s.i > start
}

// unescape makes text of the inside of a JSON string. What is no UTF-8 becomes the replacement character.
func unescape(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		if utf8.Valid(raw) {
			return string(raw)
		}
		return strings.ToValidUTF8(string(raw), "\uFFFD")
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+1 >= len(raw) {
			out = append(out, raw[i])
			continue
		}
		i++
		switch c := raw[i]; c {
		case 'b', 'f', 'n', 'r', 't':
			out = append(out, "\b\f\n\r\t"[strings.IndexByte("bfnrt", c)])
		case 'u':
			r := hex4(raw[i+1:])
			if r < 0 {
				out = utf8.AppendRune(out, utf8.RuneError)
				continue
			}
			i += 4
			if utf16.IsSurrogate(r) {
				var low rune = -1
				if i+6 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
					low = hex4(raw[i+3:])
				}
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					r = pair
					i += 6
				} else {
					r = utf8.RuneError
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
		}
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	n, err := strconv.ParseUint(string(b[:4]), 16, 32)
	if err != nil {
		return -1
	}
	return rune(n)
}
