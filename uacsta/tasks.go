package uacsta

import "sync/atomic"

// maxIdle is how many goroutines of a server wait for another task.
const maxIdle = 64

// taskGroup runs tasks that are begun from anywhere, also while somebody waits for all to end. A goroutine that has done its task waits for another,
// where few do: its stack has grown already, which is much of what a short task costs.
type taskGroup struct {
	tasks    count
	routines count
	next     chan func()   // unbuffered: to one that waits, or to none
	idle     chan struct{} // its length is how many wait
	over     chan struct{}
}

func newTasks() taskGroup {
	return taskGroup{tasks: newCount(), routines: newCount(), next: make(chan func()), idle: make(chan struct{}, maxIdle), over: make(chan struct{})}
}

// Go has f run. It never waits.
func (t *taskGroup) Go(f func()) {
	t.tasks.add()
	select {
	case t.next <- f:
	default:
		t.routines.add()
		go func() {
			defer t.routines.done()
			for more := true; more; f, more = t.another() {
				f()
				t.tasks.done()
			}
		}()
	}
}

// another waits for a task; false: there is none to wait for.
func (t *taskGroup) another() (f func(), more bool) {
	select {
	case t.idle <- struct{}{}:
	default:
		return nil, false
	}
	defer func() { <-t.idle }()
	select {
	case f = <-t.next:
		return f, true
	case <-t.over:
		return nil, false
	}
}

// wait returns when all tasks have ended and no goroutine is left. It is called once.
func (t *taskGroup) wait() {
	t.tasks.wait()
	close(t.over)
	t.routines.wait()
}

// count is how many of something there are. Unlike a sync.WaitGroup it may leave zero while somebody waits for zero: a connection that is accepted as
// the server stops does so.
type count struct {
	n    *atomic.Int64
	none chan struct{} // of one place: it came to zero
}

func newCount() count { return count{new(atomic.Int64), make(chan struct{}, 1)} }

func (c count) add() { c.n.Add(1) }

func (c count) done() {
	if c.n.Add(-1) == 0 {
		select {
		case c.none <- struct{}{}:
		default:
		}
	}
}

// wait returns at a moment when there were none.
func (c count) wait() {
	for c.n.Load() > 0 {
		<-c.none
	}
}
