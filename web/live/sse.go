package live

import (
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"farhook/pbxadapter"
)

// SSE follows as server-sent events until either side ends it: id is the position, event the type, data the document.
func (s *Streams) SSE(w http.ResponseWriter, r *http.Request, v Viewer, after string, f Filter) {
	defer s.finish()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	out := &sse{w: w, control: http.NewResponseController(w)}
	_ = out.control.SetReadDeadline(time.Time{})
	_ = out.control.SetWriteDeadline(time.Now().Add(writeWithin))
	_ = out.control.Flush() // who comes back and has missed nothing knows at once that he is heard
	err := s.follow(r.Context(), out, v, after, f)
	if r.Context().Err() == nil && !errors.Is(err, errStopping) {
		s.log.Info("stream ended", zap.String("user", v.Principal.User), zap.String("peer", r.RemoteAddr), zap.Error(err), pbxadapter.TraceField(r.Context()))
	}
}

// sse writes events, as many as wait in one write.
type sse struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buf     []byte
}

func (s *sse) send(e Encoded) error {
	s.buf = append(s.buf, "id: "...)
	s.buf = append(s.buf, e.Position...)
	s.buf = append(s.buf, "\nevent: "...)
	s.buf = append(s.buf, e.Type...)
	s.buf = append(s.buf, "\ndata: "...)
	s.buf = append(s.buf, e.JSON...) // JSON has no line ends
	s.buf = append(s.buf, "\n\n"...)
	if len(s.buf) >= mostBuffered {
		return s.flush()
	}
	return nil
}

func (s *sse) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	if err := s.control.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	_, err := s.w.Write(s.buf)
	s.buf = s.buf[:0]
	if cap(s.buf) > 4*mostBuffered {
		s.buf = nil
	}
	if err != nil {
		return err
	}
	return s.control.Flush()
}

func (s *sse) ping() error { return nil }
