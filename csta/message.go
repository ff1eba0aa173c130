package csta

import (
	"context"
	"fmt"
)

// Service is the element name of a request, such as "MakeCall".
type Service string

// Message is anything that can be the root of a document: a request, a response, an event or an *Error. Messages are values
// (csta.MakeCall, not *csta.MakeCall), but for *Error.
type Message interface {
	// Element is the name of the root element.
	Element() string
}

// Request asks for a service.
type Request interface {
	Message
	Service() Service
	// Needs lists every device the request touches, with the right it takes on it.
	Needs() []Need
}

// Response is a positive answer.
type Response interface {
	Message
	answers() Service
}

// Event tells what happened.
type Event interface {
	Message
	event()
}

// Right is what a request takes on a device.
type Right uint8

// The rights. Control is over one's own phone, Pickup takes a call away from another, Observe only looks, Call is to ring it, Override to ring it
// through its do not disturb (no request needs it by itself: it depends on the number).
const (
	Observe Right = iota + 1
	Call
	Pickup
	Control
	Override
)

// String is the right's name in lower case.
func (r Right) String() string {
	return [...]string{"none", "observe", "call", "pickup", "control", "override"}[min(int(r), 5)]
}

// Need is one device and the right a request takes on it.
type Need struct {
	Member string // the request's member that names the device, as on the wire
	Device DeviceID
	Right  Right
}

// Handler carries out one service. A negative answer is an *Error; any other error is a fault.
type Handler func(context.Context, Request) (Response, error)

// Services is what something can carry out: the table that is offered, and the table that is called, are one.
type Services map[Service]Handler

// Handle enters a typed handler into s under its request's service. It panics if the service is there already.
func Handle[Q Request, R Response](s Services, f func(context.Context, Q) (R, error)) {
	var zero Q
	name := zero.Service()
	if s[name] != nil {
		panic(fmt.Sprintf("csta: %s is handled twice", name))
	}
	s[name] = func(ctx context.Context, r Request) (Response, error) {
		q, ok := r.(Q)
		if !ok {
			return nil, fmt.Errorf("csta: %s handed to the handler of %s", r.Service(), name)
		}
		return f(ctx, q)
	}
}
