package uacsta

import (
	"reflect"
	"testing"

	"farhook/csta"
)

// monitored are the events that a monitor may hear.
var monitored = []csta.Event{
	csta.CallClearedEvent{},
	csta.ConferencedEvent{},
	csta.ConnectionClearedEvent{},
	csta.DeliveredEvent{},
	csta.DivertedEvent{},
	csta.EstablishedEvent{},
	csta.FailedEvent{},
	csta.HeldEvent{},
	csta.NetworkReachedEvent{},
	csta.OfferedEvent{},
	csta.OriginatedEvent{},
	csta.QueuedEvent{},
	csta.RetrievedEvent{},
	csta.ServiceInitiatedEvent{},
	csta.TransferedEvent{},
	csta.CallInformationEvent{},
	csta.DigitsGeneratedEvent{},
	csta.MessageWaitingEvent{},
	csta.MicrophoneMuteEvent{},
	csta.DoNotDisturbEvent{},
	csta.ForwardingEvent{},
	csta.BackInServiceEvent{},
	csta.OutOfServiceEvent{},
}

// flags calls f with every element of a filter: the group's name, its own, and a filter in which it alone is set.
func flags(value bool, f func(group, name string, filter *csta.MonitorFilter)) {
	t := reflect.TypeFor[csta.MonitorFilter]()
	for i := range t.NumField() {
		group := t.Field(i)
		if group.Type.Kind() != reflect.Pointer || group.Type.Elem().Kind() != reflect.Struct {
			continue
		}
		for j := range group.Type.Elem().NumField() {
			field := group.Type.Elem().Field(j)
			if field.Type != reflect.TypeFor[*bool]() {
				continue
			}
			filter := new(csta.MonitorFilter)
			g := reflect.New(group.Type.Elem())
			g.Elem().Field(j).Set(reflect.ValueOf(&value))
			reflect.ValueOf(filter).Elem().Field(i).Set(g)
			f(group.Name, field.Name, filter)
		}
	}
}

// Each event has one element of the filter that suppresses it, by its own name; one that is false suppresses nothing, nor does none.
func TestFilter(t *testing.T) {
	by := map[string]string{}
	flags(true, func(group, name string, filter *csta.MonitorFilter) {
		for _, e := range monitored {
			if !suppressed(filter, e) {
				continue
			}
			if name+"Event" != e.Element() && (name != "Transferred" || e.Element() != "TransferedEvent") {
				t.Errorf("%s.%s suppresses %s", group, name, e.Element())
			}
			if other := by[e.Element()]; other != "" {
				t.Errorf("%s is suppressed by %s and %s.%s", e.Element(), other, group, name)
			}
			by[e.Element()] = group + "." + name
		}
	})
	for _, e := range monitored {
		if by[e.Element()] == "" {
			t.Errorf("nothing suppresses %s", e.Element())
		}
		if suppressed(nil, e) || suppressed(new(csta.MonitorFilter), e) {
			t.Errorf("%s is suppressed by no filter", e.Element())
		}
	}
	flags(false, func(group, name string, filter *csta.MonitorFilter) {
		for _, e := range monitored {
			if suppressed(filter, e) {
				t.Errorf("%s.%s is false, and suppresses %s", group, name, e.Element())
			}
		}
	})
}
