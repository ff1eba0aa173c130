package uacsta

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/csta/callmodel"
	"farhook/pbxadapter"
)

// openRequest is a request that is being carried out.
type openRequest struct {
	conn    *conn
	msg     *message
	req     csta.Request
	edition csta.Edition
	shell   answer // what the 200 has beside the body
	op      callmodel.OpID
	device  csta.DeviceID // requests on one device are carried out in order
	started bool
	urgent  bool           // it calls for help, and waits for nothing
	calls   []csta.CallID  // that it names
	dialled *dialledNumber // the number that it has called, if any
	res     csta.Message
}

// info takes an INFO: the response travels in the 200 to this very INFO.
func (x *session) info(c *conn, m *message) {
	if m.count("Info-Package") > 0 { // RFC 6086, 4.2.2
		x.reply(c, m, answer{status: 469, extra: []header{{"Recv-Info", ""}}})
		return
	}
	if len(m.body) == 0 {
		x.reply(c, m, answer{status: 200})
		return
	}
	if !isCSTA(m) {
		x.reply(c, m, notCSTA(m))
		return
	}
	x.serve(c, m, answer{status: 200})
}

// serve carries out the CSTA request in a message's body. false: it's refused as a SIP request, and has been answered so.
func (x *session) serve(c *conn, m *message, shell answer) bool {
	q, ed, err := csta.Decode(m.body)
	var broken *csta.SyntaxError
	if errors.As(err, &broken) {
		x.reply(c, m, syntaxAnswer(broken))
		return false
	}
	if ed != "" && ed != csta.ApplicationSession {
		x.edition = ed
	}
	o := &openRequest{conn: c, msg: m, edition: x.edition, shell: shell}
	if err != nil {
		x.respond(o, refusalOf(err))
		return true
	}
	req, ok := q.(csta.Request)
	if !ok {
		if _, isError := q.(*csta.Error); isError {
			x.reply(c, m, answer{status: 200})
			return true
		}
		x.respond(o, csta.ErrServiceNotSupported.With(fmt.Errorf("%s is no service that we know", q.Element())))
		return true
	}
	o.req = req
	if handle := ownService(req.Service()); handle != nil {
		began := time.Now()
		res, err := handle(x, o)
		x.server.board.Count(req.Service(), began, err)
		if err != nil {
			res = refusalOf(err)
		}
		x.respond(o, res)
		x.follow() // what a new monitor was held for
		return true
	}
	o.urgent = x.server.board.Emergency(req)
	if len(x.open) >= x.server.conf.Mailbox && !o.urgent {
		x.reply(c, m, busy(2))
		return false
	}
	x.learn(o)
	x.open = append(x.open, o)
	x.begin()
	return true
}

// fromMemory are the services that the board answers at once.
var fromMemory = map[csta.Service]bool{"GetCSTAFeatures": true, "SnapshotDevice": true, "SnapshotCall": true}

// begin carries out every open request that may start: the first of each device.
func (x *session) begin() {
	var busy []csta.DeviceID
	for _, o := range slices.Clone(x.open) {
		if slices.Contains(busy, o.device) && !o.urgent {
			continue
		}
		if !o.started {
			o.started = true
			if fromMemory[o.req.Service()] {
				o.res = x.do(o)
				x.finish(o)
				continue
			}
			o.op = x.server.board.Begin()
			x.server.tasks.Go(func() {
				o.res = x.do(o)
				x.visit(mail{kind: answered, done: o})
			})
		}
		busy = append(busy, o.device)
	}
}

// do asks the board. Whatever goes wrong is an answer.
func (x *session) do(o *openRequest) (res csta.Message) {
	defer func() {
		if p := recover(); p != nil {
			x.server.log.Error("panic in a service", zap.String("service", string(o.req.Service())), zap.Any("panic", p), zap.Stack("stack"), o.msg.trace.Field())
			res = csta.ErrUnspecified
		}
	}()
	ctx := pbxadapter.WithTrace(x.server.ctx, o.msg.trace)
	if o.op != 0 {
		ctx = pbxadapter.WithOp(ctx, o.op)
	}
	r, err := x.server.board.Do(ctx, x.who, o.req)
	if err != nil {
		return refusalOf(err)
	}
	return r
}

// finish writes an answer; what waited for it follows.
func (x *session) finish(o *openRequest) {
	i := slices.Index(x.open, o)
	if i < 0 {
		return // cancelled, and answered so
	}
	x.open = slices.Delete(x.open, i, i+1)
	x.dialledIn(o)
	x.respond(o, o.res)
	x.release()
	x.begin()
}

// respond writes a CSTA answer in the edition of its request, with the peer's spellings.
func (x *session) respond(o *openRequest, res csta.Message) {
	a := o.shell
	a.body = csta.EncodeSpelled(make([]byte, 0, usualBody), res, o.edition, x.speller(o.calls))
	if o.req == nil || harmless[o.req.Service()] {
		x.reply(o.conn, o.msg, a)
		return
	}
	x.changed = true
	x.replyOnce(o.conn, o.msg, a)
}

// Room for most answers and events, in octets.
const (
	usualBody  = 512
	usualEvent = 1024
)

// harmless are the services that change nothing: a replay may be carried out again.
var harmless = map[csta.Service]bool{
	"GetCSTAFeatures": true, "SnapshotDevice": true, "SnapshotCall": true, "RequestSystemStatus": true, "SystemStatus": true,
}

func refusalOf(err error) *csta.Error {
	var e *csta.Error
	if errors.As(err, &e) {
		return e
	}
	return csta.ErrUnspecified
}
