package web

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/web/history"
	"farhook/web/live"
)

// notebook keeps the notes: one for each line, and one for the desk. What it says is written is on disk; what is told has been written before.
type notebook struct {
	board *switchboard.Board
	db    *history.DB
	log   *zap.Logger
	wake  chan struct{} // a note came that may be the next to go

	mu    sync.Mutex // held while one is written, so that the journal has them in the order of the file
	notes map[csta.DeviceID]history.Note
}

// openNotebook reads the notes, without those whose time is over.
func openNotebook(ctx context.Context, b *switchboard.Board, db *history.DB, log *zap.Logger) (*notebook, error) {
	n := &notebook{board: b, db: db, log: log, wake: make(chan struct{}, 1), notes: make(map[csta.DeviceID]history.Note)}
	list, err := db.Notes(ctx)
	if err != nil {
		return nil, err
	}
	for _, x := range list {
		n.notes[x.Device] = x
	}
	for _, x := range n.over(time.Now()) {
		if err := db.DeleteNote(ctx, x.Device); err != nil {
			return nil, err
		}
		delete(n.notes, x.Device)
	}
	return n, nil
}

// over are the notes whose time is over.
func (n *notebook) over(now time.Time) (gone []history.Note) {
	for _, x := range n.notes {
		if !x.Until.IsZero() && !x.Until.After(now) {
			gone = append(gone, x)
		}
	}
	slices.SortFunc(gone, func(a, b history.Note) int { return a.Until.Compare(b.Until) })
	return gone
}

// all are the notes as they are told, the desk's first.
func (n *notebook) all() []live.Note {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make([]live.Note, 0, len(n.notes))
	for _, x := range n.notes {
		list = append(list, noteOf(x))
	}
	slices.SortFunc(list, func(a, b live.Note) int { return strings.Compare(string(a.Device), string(b.Device)) })
	return list
}

func noteOf(x history.Note) live.Note {
	n := live.Note{Device: x.Device, Text: x.Text, Changed: x.Changed, By: x.Name}
	if !x.Until.IsZero() {
		n.Until = &x.Until
	}
	return n
}

// find is one note.
func (n *notebook) find(d csta.DeviceID) (live.Note, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	x, ok := n.notes[d]
	return noteOf(x), ok
}

// put writes a note in the place of the one that was there, and tells it.
func (n *notebook) put(ctx context.Context, who switchboard.Principal, x history.Note) (live.Note, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.db.PutNote(ctx, x); err != nil {
		return live.Note{}, err
	}
	n.notes[x.Device] = x
	out := noteOf(x)
	n.tell(who, out)
	select {
	case n.wake <- struct{}{}:
	default:
	}
	return out, nil
}

// remove takes a note away, and tells it. false: there was none.
func (n *notebook) remove(ctx context.Context, who switchboard.Principal, d csta.DeviceID) (bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.removeLocked(ctx, who, d)
}

func (n *notebook) removeLocked(ctx context.Context, who switchboard.Principal, d csta.DeviceID) (bool, error) {
	if _, ok := n.notes[d]; !ok {
		return false, nil
	}
	if err := n.db.DeleteNote(ctx, d); err != nil {
		return true, err
	}
	n.drop(who, d)
	return true, nil
}

// drop forgets a note, and tells it. The notebook is locked.
func (n *notebook) drop(who switchboard.Principal, d csta.DeviceID) {
	delete(n.notes, d)
	n.tell(who, live.Note{Device: d, Changed: time.Now().UTC().Truncate(time.Millisecond), Ended: true})
}

// erase takes the notes away that are about a number or were written by somebody. It says how many they were.
func (n *notebook) erase(ctx context.Context, who switchboard.Principal, number csta.DeviceID, by string) (erased int64, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for d, x := range n.notes {
		if number != "" && d == number || by != "" && x.By == by {
			if _, err := n.removeLocked(ctx, who, d); err != nil {
				return erased, err
			}
			erased++
		}
	}
	return erased, nil
}

func (n *notebook) tell(who switchboard.Principal, x live.Note) {
	if x.Device == "" {
		n.board.Tell(who, x)
	} else {
		n.board.Tell(who, x, x.Device)
	}
}

// run lets notes go when their time is over, until ctx ends.
func (n *notebook) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
		case <-timer.C:
		}
		if wait, any := n.expire(ctx, time.Now()); any {
			timer.Reset(wait)
		}
	}
}

// expire lets go what is over, and says how long it is to the next.
func (n *notebook) expire(ctx context.Context, now time.Time) (wait time.Duration, more bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, x := range n.over(now) {
		if err := n.db.DeleteNote(ctx, x.Device); err != nil { // it goes all the same: the next start finds it over
			n.log.Error("a note not deleted", zap.Error(fmt.Errorf("web: %w", err)))
		}
		n.drop(switchboard.System, x.Device)
	}
	for _, x := range n.notes {
		if d := x.Until.Sub(now); !x.Until.IsZero() && (!more || d < wait) {
			wait, more = d, true
		}
	}
	return wait, more
}
