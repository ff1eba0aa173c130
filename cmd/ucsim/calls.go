package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"farhook/csta"
)

// calls is the user's own picture of the line's calls, made from events alone.
type calls struct {
	mu     sync.Mutex
	states map[csta.CallID]csta.State
	order  []csta.CallID
	events []csta.Event  // told and not yet awaited
	news   chan struct{} // something was told
}

func newCalls() *calls {
	return &calls{states: make(map[csta.CallID]csta.State), news: make(chan struct{}, 1)}
}

func (c *calls) set(id csta.CallID, s csta.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(id, s)
}

func (c *calls) put(id csta.CallID, s csta.State) {
	if s == csta.Null {
		delete(c.states, id)
		c.order = slices.DeleteFunc(c.order, func(o csta.CallID) bool { return o == id })
		return
	}
	if _, ok := c.states[id]; !ok {
		c.order = append(c.order, id)
	}
	c.states[id] = s
}

// apply takes an event over.
func (c *calls) apply(e csta.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range gone(e) {
		c.put(id, csta.Null)
	}
	if id, local := about(e); id != "" && local != "" {
		c.put(id, local)
	}
	c.events = append(c.events, e)
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// find is the newest call in one of the states.
func (c *calls) find(states ...csta.State) (csta.CallID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range slices.Backward(c.order) {
		if slices.Contains(states, c.states[id]) {
			return id, nil
		}
	}
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = string(s)
	}
	return "", fmt.Errorf("no call is %s", strings.Join(words, " or "))
}

// each calls f with every call and the line's state in it, oldest first.
func (c *calls) each(f func(csta.CallID, csta.State)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range c.order {
		f(id, c.states[id])
	}
}

// take removes the first untaken event of that name, and those before it.
func (c *calls) take(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, e := range c.events {
		if strings.EqualFold(e.Element(), name) || strings.EqualFold(e.Element(), name+"Event") {
			c.events = c.events[i+1:]
			return true
		}
	}
	return false
}
