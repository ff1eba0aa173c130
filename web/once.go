package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter"
	"farhook/web/access"
	"farhook/web/history"
)

const (
	keyHeader = "Idempotency-Key"
	keyMemory = 24 * time.Hour
	maxKey    = 255
)

// once lets an act with a key happen once: it is noted as begun before anything is done, and its answer is kept. Who asks again gets that answer; or,
// where the process died in between, what is known, and never a second act. What was refused has not happened: it may be asked for again under its key.
func (s *Server) once(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys := r.Header[keyHeader]
		who := access.From(r.Context())
		if r.Method != http.MethodPost || len(keys) == 0 || who == nil || !strings.HasPrefix(r.URL.Path, "/api/v1/") || r.URL.Path == "/api/v1/session" || s.db == nil {
			next.ServeHTTP(w, r)
			return
		}
		key := keys[0]
		if len(keys) > 1 || key == "" || len(key) > maxKey || strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) {
			problem(w, http.StatusUnprocessableEntity, fmt.Sprintf("%s: one, of 1 to %d printable ASCII characters", keyHeader, maxKey))
			return
		}
		body, ok := whole(w, r)
		if !ok {
			return
		}
		a := history.Act{
			Owner: who.ID, Name: key, Request: fingerprint(r, body), Device: string(deviceIn(r, body)), Began: time.Now(), Process: s.board.Epoch(),
		}
		// The act is carried through though its sender may go: its answer is for who asks again.
		ctx := context.WithoutCancel(r.Context())
		before, err := s.db.Begin(ctx, a, time.Now().Add(-keyMemory))
		switch {
		case history.Unwritable(err): // an act that can't be noted isn't done: it could be done twice
			s.log.Error("the disk takes nothing: an act was not done", zap.Error(err), pbxadapter.TraceField(ctx))
			w.Header().Set("Retry-After", "10")
			writeProblem(w, wrong(ctx, http.StatusServiceUnavailable, "the gateway's disk takes nothing at the moment, so that the key couldn't be noted: nothing was done"))
			return
		case err != nil:
			writeProblem(w, s.fault(ctx, err))
			return
		case before != nil:
			s.again(w, r, a, *before)
			return
		}
		answer := &kept{header: make(http.Header)}
		defer func() {
			if p := recover(); p != nil { // it may have been done or not: that is its answer from now on
				answer = &kept{header: make(http.Header)}
				writeProblem(answer, s.explain(ctx, csta.ErrUnspecified, csta.DeviceID(a.Device), ""))
				if err := s.keep(ctx, a, answer); err != nil {
					s.log.Error("the answer of an act was not kept", zap.Error(err), pbxadapter.TraceField(ctx))
				}
				panic(p)
			}
		}()
		next.ServeHTTP(answer, r.WithContext(ctx))
		if err := s.keep(ctx, a, answer); err != nil {
			s.log.Error("the answer of an act was not kept; asked again, its outcome is unknown", zap.Error(err), pbxadapter.TraceField(ctx))
		}
		answer.copyTo(w)
	})
}

// fingerprint tells one request from another. A password has no part in it: from what is stored here it could be guessed much faster than from its own hash.
func fingerprint(r *http.Request, body []byte) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) == nil && members["password"] != nil {
		delete(members, "password")
		body, _ = json.Marshal(members) // it was JSON
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %s\n", r.Method, r.URL.RequestURI())
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// deviceIn is the device that a request acts on, whose state tells what has become of it; empty: none is named.
func deviceIn(r *http.Request, body []byte) csta.DeviceID {
	parts := strings.Split(r.URL.EscapedPath(), "/")
	for i, p := range parts[:len(parts)-1] {
		if p == "devices" || p == "connections" {
			if d, err := url.PathUnescape(parts[i+1]); err == nil {
				return csta.DeviceID(d)
			}
		}
	}
	var b struct {
		CallingDevice csta.DeviceID `json:"callingDevice"`
		MakeCall      struct {
			CallingDevice csta.DeviceID `json:"callingDevice"`
		}
	}
	_ = json.Unmarshal(body, &b) // the operation complains, where there is something to complain of
	return b.CallingDevice + b.MakeCall.CallingDevice
}

// again answers who asks with a key that is known.
func (s *Server) again(w http.ResponseWriter, r *http.Request, a, before history.Act) {
	ctx := r.Context()
	switch {
	case before.Request != a.Request:
		writeProblem(w, wrong(ctx, http.StatusUnprocessableEntity, fmt.Sprintf("%s: %q was used for another request", keyHeader, a.Name)))
	case before.Status != 0:
		var h http.Header
		_ = json.Unmarshal([]byte(before.Headers), &h) // we wrote it
		k := kept{header: h, status: before.Status}
		k.header.Set("Idempotency-Replayed", "true")
		k.body.WriteString(before.Body)
		k.copyTo(w)
	case before.Process == a.Process:
		w.Header().Set("Retry-After", "1")
		writeProblem(w, wrong(ctx, http.StatusConflict, "the first request with this key is still running"))
	default:
		p := s.explain(ctx, csta.ErrInternalResourceBusy.With(errors.New("the gateway was started again before the act was answered: it may have been done or not. It isn't done again; calls says what the device is doing now")),
			csta.DeviceID(before.Device), "")
		writeProblem(w, p)
	}
}

// keep stores the answer of an act; one that was refused has not happened, and is forgotten.
func (s *Server) keep(ctx context.Context, a history.Act, k *kept) error {
	if k.status >= 400 {
		var p Problem
		if err := json.Unmarshal(k.body.Bytes(), &p); err != nil || p.Outcome != outcomeUnknown {
			return s.db.Forget(ctx, a)
		}
	}
	h, err := json.Marshal(k.header)
	if err != nil {
		return err
	}
	a.Status, a.Headers, a.Body = k.status, string(h), unsecret(k.body.Bytes())
	return s.db.Finish(ctx, a)
}

// unsecret is an answer as it is stored: a secret that is shown once isn't in it.
func unsecret(body []byte) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || members["secret"] == nil {
		return string(body)
	}
	members["secret"] = json.RawMessage(`""`)
	b, err := json.Marshal(members)
	if err != nil {
		return ""
	}
	return string(b) + "\n"
}

// kept is an answer in memory.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is as in http.ResponseWriter.
func (k *kept) Header() http.Header { return k.header }

// WriteHeader is as in http.ResponseWriter.
func (k *kept) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}

// Write is as in http.ResponseWriter.
func (k *kept) Write(b []byte) (int, error) {
	k.WriteHeader(http.StatusOK)
	return k.body.Write(b)
}

func (k *kept) copyTo(w http.ResponseWriter) {
	for name, values := range k.header {
		w.Header()[name] = values
	}
	if k.status == 0 {
		k.status = http.StatusOK
	}
	w.WriteHeader(k.status)
	_, _ = w.Write(k.body.Bytes())
}
