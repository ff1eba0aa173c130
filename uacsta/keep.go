package uacsta

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter/switchboard"
)

// Store keeps sessions beyond the life of the process. Put and Delete are called often, and must be quick: what they say may be written a little later.
// Load is called once, before anything is served.
type Store interface {
	Load(f func(key string, value []byte) error) error
	Put(key string, value []byte)
	Delete(key string)
}

// recordVersion is the form of what is stored. A record of another form is left out, and said so.
const recordVersion = 1

// afterRestart is added to the CSeq of a restored session: the last few numbers may have been used after it was stored.
const afterRestart = 1000

// record is a session as it is stored.
type record struct {
	Version   int                      `json:"v"`
	CallID    string                   `json:"callID"`
	Tag       string                   `json:"tag"`
	PeerTag   string                   `json:"peerTag"`
	Local     string                   `json:"local"`
	Remote    string                   `json:"remote"`
	Routes    []string                 `json:"routes,omitempty"`
	Target    string                   `json:"target"`
	CSeq      uint32                   `json:"cseq"`
	Branch    string                   `json:"branch,omitempty"` // of the INVITE that opened it
	Number    uint32                   `json:"number,omitempty"`
	User      string                   `json:"user"`
	Line      csta.DeviceID            `json:"line"`
	Peer      string                   `json:"peer"`
	Spelling  string                   `json:"spelling"`
	Spelt     map[csta.DeviceID]string `json:"spelt,omitempty"`
	Dialled   []dialledNumber          `json:"dialled,omitempty"`
	Edition   csta.Edition             `json:"edition"`
	Expires   int32                    `json:"expires"`
	Began     time.Time                `json:"began"`
	Heard     time.Time                `json:"heard"`
	Refreshed time.Time                `json:"refreshed"`
	Refresh   refreshBy                `json:"refresh,omitempty"`  // that is ours
	Answers   bool                     `json:"answers"`            // the peer answers events
	Disabled  bool                     `json:"disabled,omitempty"` // it was told so
	Monitors  []monitorRecord          `json:"monitors,omitempty"`
}

type monitorRecord struct {
	ID      csta.MonitorID      `json:"id"`
	Edition csta.Edition        `json:"edition"`
	Device  csta.DeviceID       `json:"device,omitempty"`
	Call    csta.CallID         `json:"call,omitempty"`
	Filter  *csta.MonitorFilter `json:"filter,omitempty"`
	View    *callmodel.View     `json:"view,omitempty"`
}

// store hands the session to the store where it has changed, once it has nothing more to do and the socket has taken its events: what is stored as told
// is told by nobody again, so an event that a killed process still held would be missing.
func (x *session) store() {
	if !x.changed || x.awaits || x.server.conf.Store == nil || !x.idle() {
		return
	}
	if x.toldOn != nil && !x.toldOn.took(x.toldTo) {
		if x.toldOn.dead() && x.sent.owed() {
			return // they go out by the next connection
		}
		if !x.toldOn.wrote(x.toldTo, x) {
			x.awaits = true
			return
		}
	}
	x.save()
}

func (x *session) save() {
	x.changed, x.toldOn = false, nil
	r := record{
		Version: recordVersion, CallID: x.callID, Tag: x.tag, PeerTag: x.peerTag, Local: x.local, Remote: x.remote, Routes: x.routes,
		Target: x.target, CSeq: x.cseq, Branch: x.opening.branch, Number: x.opening.number, User: x.who.User, Line: x.who.Line, Peer: x.who.Peer,
		Spelling: x.spelling, Spelt: x.spelt, Dialled: x.dialled, Edition: x.edition, Expires: x.expires, Began: x.began, Heard: x.heard, Refreshed: x.refreshed,
		Refresh: x.duty.by(), Answers: x.sent.hasAnswers(), Disabled: x.disabled,
	}
	for _, m := range x.monitors {
		r.Monitors = append(r.Monitors, monitorRecord{m.id, m.edition, m.device, m.call, m.filter, &m.view})
	}
	b, err := json.Marshal(r)
	if err != nil {
		x.server.log.Error("session cannot be stored", zap.String("session", x.callID), zap.Error(err), x.trace.Field())
		return
	}
	x.server.conf.Store.Put(x.tag, b)
}

// Restore brings the stored sessions back; it's called before anything is served. What cannot be read costs that session alone.
func (s *Server) Restore() error {
	if s.conf.Store == nil {
		return nil
	}
	now := time.Now()
	restored, old, bad := 0, 0, 0
	err := s.conf.Store.Load(func(key string, value []byte) error {
		x, err := s.revive(key, value)
		switch {
		case err != nil:
			bad++
			s.log.Warn("stored session left out", zap.String("key", key), zap.Error(err))
		case !now.Before(x.ends()):
			old++
			s.conf.Store.Delete(key)
		default:
			if _, err := s.enter(x, false); err != nil {
				bad++
				s.log.Warn("stored session left out", zap.String("key", key), zap.Error(err))
				return nil
			}
			restored++
			s.counts.restored.Add(1)
			s.counts.monitors.Add(int64(len(x.monitors)))
			x.schedule(now)
			x.watch()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("uacsta: the stored sessions cannot be read: %w", err)
	}
	s.log.Info("sessions restored", zap.Int("sessions", restored), zap.Int("expired", old), zap.Int("unreadable", bad))
	return nil
}

// revive makes a session of a record.
func (s *Server) revive(key string, value []byte) (*session, error) {
	var r record
	if err := json.Unmarshal(value, &r); err != nil {
		return nil, err
	}
	switch {
	case r.Version != recordVersion:
		return nil, fmt.Errorf("it has form %d, this program knows %d", r.Version, recordVersion)
	case r.Tag != key || r.CallID == "" || r.PeerTag == "" || r.Target == "" || r.Line == "":
		return nil, errors.New("it is incomplete")
	case strings.ContainsAny(strings.Join(append(r.Routes, r.CallID, r.Tag, r.Local, r.Remote, r.Target), ""), "\r\n\x00"):
		return nil, errors.New("a header of it has a control character")
	}
	// Times by this process's clock that only goes forward: a wall clock that is set back or forth ends no session that was restored, and makes none last for ever.
	now := time.Now()
	past := func(t time.Time) time.Time { return now.Add(min(t.Sub(now), 0)) }
	r.Began, r.Heard, r.Refreshed = past(r.Began), past(r.Heard), past(r.Refreshed)
	x := &session{
		server: s, who: switchboard.Principal{User: r.User, Line: r.Line, Via: "sip", Peer: r.Peer}, edition: r.Edition, spelling: r.Spelling, spelt: r.Spelt, dialled: r.Dialled, expires: r.Expires,
		dialog: dialog{
			key: r.CallID + "\x00" + r.PeerTag, callID: r.CallID, tag: r.Tag, peerTag: r.PeerTag, local: r.Local, remote: r.Remote,
			opening: transaction{r.Branch, r.Number}, routes: r.Routes, target: r.Target, cseq: r.CSeq + afterRestart,
		},
		times: times{began: r.Began, heard: r.Heard, refreshed: r.Refreshed},
		reach: reach{restored: true},
	}
	x.invited, x.disabled = x.opening, r.Disabled
	if r.Refresh != "" {
		x.duty = &duty{update: r.Refresh == byUpdate}
	}
	x.asked.Store(r.Heard.UnixNano())
	x.sent.answered, x.sent.waiting = r.Answers, &s.counts.unanswered
	for _, m := range r.Monitors {
		n := &monitor{id: m.ID, edition: m.Edition, device: m.Device, call: m.Call, filter: m.Filter}
		if m.View != nil {
			n.view = *m.View
		}
		x.monitors = append(x.monitors, n)
	}
	return x, nil
}

// watch lets a restored session follow the journal of this process: each of its monitors is told the difference once the PBX has told what there is.
func (x *session) watch() {
	if len(x.monitors) == 0 {
		return
	}
	x.cursor = x.server.board.Follow(x.who, switchboard.Elsewhere, switchboard.Filter{}, func() { x.post(mail{kind: woken}) })
	for _, m := range x.monitors {
		if m.device != "" {
			m.from = x.cursor.Watch(m.device)
		} else {
			m.from = x.cursor.WatchCall(m.call)
		}
	}
	x.post(mail{kind: woken})
}
