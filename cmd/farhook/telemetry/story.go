package telemetry

import (
	"bytes"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"farhook/pbxadapter/switchboard/wiretap"
)

// mostProofs is how many events of a PBX become spans in one trace.
const mostProofs = 32

// mostAtOnce is how many requests, and how many commands, of one trace may wait for their answers.
const mostAtOnce = 256

// story is one trace: a request, or as many as a caller makes in it, and what they brought about.
type story struct {
	parent   context.Context // of requests: their caller's span, or the first one's
	ctx      context.Context // of the last request's span; children begin under it
	requests []request       // that are not answered, oldest first
	answer   string          // what its answer's carrier will be: "INFO 12" is answered "200 (INFO 12)"
	session  string
	commands []command
	proofs   int
	events   map[string]event // on their way, by session and CSeq
	last     time.Time
}

type request struct {
	trace.Span
	number uint64 // 0: it has none
}

type command struct {
	trace.Span
	pbx, name string
}

type event struct {
	trace.Span
	at time.Time
}

// tell makes of a message the beginning or the end of a span, or something that happened in one.
func (e *Exporter) tell(r wiretap.Record) {
	s := e.open[r.Trace]
	if s == nil {
		if r.Direction != wiretap.In || r.Layer == wiretap.PBX || strings.Contains(r.Carrier(), "(") || len(e.open) >= maxOpen {
			return // what we know no beginning of
		}
		s = &story{parent: context.WithValue(context.Background(), traceKey{}, r.Trace), events: make(map[string]event)}
		e.open[r.Trace] = s
		e.begin(s, r)
		return
	}
	s.last = r.At
	switch {
	case r.Direction == wiretap.In && r.Layer == wiretap.CSTA:
		if len(s.requests) < mostAtOnce {
			e.begin(s, r)
		}
	case r.Layer == wiretap.PBX && r.Direction == wiretap.Out:
		if len(s.commands) >= mostAtOnce {
			return
		}
		_, span := e.tracer.Start(s.ctx, nameOf(r), trace.WithTimestamp(r.At), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("rpc.system", "pbx"), attribute.String("rpc.method", nameOf(r)), attribute.String("server.address", r.Peer)))
		s.commands = append(s.commands, command{span, r.Peer, nameOf(r)})
	case r.Layer == wiretap.PBX:
		e.fromPBX(s, r)
	case r.Direction == wiretap.Out && (r.Layer == wiretap.CSTA || strings.HasSuffix(r.Carrier(), "("+s.answer+")") && r.Session == s.session):
		s.answered(r)
	case r.Direction == wiretap.Out && r.Layer == wiretap.SIP && !strings.Contains(r.Carrier(), "("):
		e.event(s, r)
	case r.Direction == wiretap.In && r.Layer == wiretap.SIP:
		s.delivered(r)
	}
}

// begin begins a request's span.
func (e *Exporter) begin(s *story, r wiretap.Record) {
	caller, called := e.caller[r.Trace]
	delete(e.caller, r.Trace)
	first := s.ctx == nil
	if called {
		s.parent = trace.ContextWithRemoteSpanContext(s.parent, caller)
	}
	method, _, _ := strings.Cut(r.Carrier(), " ")
	name, protocol := r.Element(), "sip"
	if r.Layer == wiretap.CSTA {
		protocol = "http"
	}
	attributes := []attribute.KeyValue{
		attribute.String("network.protocol.name", protocol), attribute.String("network.transport", "tcp"), attribute.String("network.peer.address", r.Peer),
	}
	if name != "" {
		attributes = append(attributes, attribute.String("rpc.system", "csta"), attribute.String("rpc.method", name))
	} else {
		name = method
	}
	if method != "" {
		attributes = append(attributes, attribute.String("sip.request.method", method))
	}
	if r.Session != "" {
		attributes = append(attributes, attribute.String("session.id", r.Session))
	}
	if r.Line != "" {
		attributes = append(attributes, attribute.String("csta.device", e.conf.Mask(string(r.Line))))
	}
	ctx, span := e.tracer.Start(s.parent, name, trace.WithTimestamp(r.At), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...))
	if first && !called {
		s.parent = ctx
	}
	s.ctx, s.requests = ctx, append(s.requests, request{span, r.Request})
	s.answer, s.session, s.last, s.proofs = r.Carrier(), r.Session, r.At, 0
}

// answered ends the span of the request with that number, or of the oldest; a provisional answer doesn't.
func (s *story) answered(r wiretap.Record) {
	status := r.Carrier()
	if len(s.requests) == 0 || strings.HasPrefix(status, "1") {
		return
	}
	i := max(slices.IndexFunc(s.requests, func(q request) bool { return q.number == r.Request }), 0)
	request := s.requests[i]
	s.requests = slices.Delete(s.requests, i, i+1)
	if status != "" {
		status, _, _ = strings.Cut(status, " ")
		request.SetAttributes(attribute.String("sip.response.status_code", status))
		if status > "3" {
			request.SetStatus(codes.Error, status)
		}
	}
	if why := r.Refusal(); why != "" {
		request.SetAttributes(attribute.String("error.type", why))
		request.SetStatus(codes.Error, why)
	}
	request.End(trace.WithTimestamp(r.At))
}

// fromPBX is the answer to the oldest command that has none, or an event that shows what was carried out: a moment of its own, since it may come after the answer
// to the request.
func (e *Exporter) fromPBX(s *story, r wiretap.Record) {
	answer := answers(r)
	for i, c := range s.commands {
		if c.pbx == r.Peer && (answer || bytes.HasPrefix(r.Text, []byte(c.name+": "))) { // the latter is what the simulated PBX says
			c.End(trace.WithTimestamp(r.At))
			s.commands = append(s.commands[:i], s.commands[i+1:]...)
			return
		}
	}
	if answer {
		return
	}
	if s.proofs++; s.proofs > mostProofs {
		return
	}
	_, span := e.tracer.Start(s.ctx, nameOf(r), trace.WithTimestamp(r.At), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("messaging.system", "pbx"), attribute.String("messaging.operation.type", "receive"), attribute.String("server.address", r.Peer)))
	span.End(trace.WithTimestamp(r.At))
}

// answers says whether a message of a PBX answers a command: AMI, ESL, CSTA.
func answers(r wiretap.Record) bool {
	name := r.Element()
	return strings.HasSuffix(name, "Response") || name == "CSTAErrorCode" || reply.Match(r.Text)
}

// event begins an event's span.
func (e *Exporter) event(s *story, r wiretap.Record) {
	name := r.Element()
	if name == "" {
		name, _, _ = strings.Cut(r.Carrier(), " ")
	}
	_, span := e.tracer.Start(s.ctx, name, trace.WithTimestamp(r.At), trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		attribute.String("messaging.system", "csta"), attribute.String("messaging.operation.type", "send"), attribute.String("network.peer.address", r.Peer),
		attribute.String("session.id", r.Session), attribute.String("csta.device", e.conf.Mask(string(r.Line)))))
	s.events[r.Session+" "+r.Carrier()] = event{span, r.At}
}

// delivered ends an event's span.
func (s *story) delivered(r wiretap.Record) {
	_, asked, ok := strings.Cut(strings.TrimSuffix(r.Carrier(), ")"), "(")
	key := r.Session + " " + asked
	if x, on := s.events[key]; ok && on {
		status, _, _ := strings.Cut(r.Carrier(), " ")
		x.SetAttributes(attribute.String("sip.response.status_code", status))
		x.End(trace.WithTimestamp(r.At))
		delete(s.events, key)
	}
}

// sweep ends what nothing more comes of.
func (e *Exporter) sweep(now time.Time) {
	for id, s := range e.open {
		for key, x := range s.events { // some clients never answer
			if now.Sub(x.at) > unheard {
				x.End(trace.WithTimestamp(x.at))
				delete(s.events, key)
			}
		}
		if now.Sub(s.last) < forgets {
			continue
		}
		for _, c := range s.commands {
			c.SetStatus(codes.Error, "no answer")
			c.End(trace.WithTimestamp(s.last))
		}
		for _, x := range s.requests {
			x.SetStatus(codes.Error, "no answer")
			x.End(trace.WithTimestamp(s.last))
		}
		delete(e.open, id)
	}
}

var (
	action = regexp.MustCompile(`(?m)^(?:Action|Event|Event-Name|Response|Reply-Text): *([A-Za-z0-9_+-]{1,40})`)
	reply  = regexp.MustCompile(`^(?:Response:|Content-Type: (?:command/reply|api/response))`)
	word   = regexp.MustCompile(`^(?:bgapi |api )?([A-Za-z0-9_-]{1,40})`)
)

// nameOf is the PBX's own word for a message, without anything that it says: names of spans are few, and hold no numbers.
func nameOf(r wiretap.Record) string {
	if name := r.Element(); name != "" {
		return name
	}
	for _, re := range []*regexp.Regexp{action, word} {
		if m := re.FindSubmatch(r.Text); m != nil {
			return string(m[1])
		}
	}
	return "message"
}
