package uacsta

import "sync"

// maxIdle is how many goroutines of a server wait for another task.
const maxIdle = 64

// taskGroup runs tasks that are begun from anywhere, also while somebody waits for all to end. A goroutine that has done its task waits for another,
// where few do: its stack has grown already, which is much of what a short task costs.
type taskGroup struct {
	tasks    sync.WaitGroup
	routines sync.WaitGroup
	next     chan func()   // unbuffered: to one that waits, or to none
	idle     chan struct{} // its length is how many wait
	over     chan struct{}
}

func newTasks() taskGroup {
	return taskGroup{next: make(chan func()), idle: make(chan struct{}, maxIdle), over: make(chan struct{})}
}

// Go has f run. It never waits.
func (t *taskGroup) Go(f func()) {
	t.tasks.Add(1)
	select {
	case t.next <- f:
	default:
		t.routines.Go(func() {
			for more := true; more; f, more = t.another() {
				f()
				t.tasks.Done()
			}
		})
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
	t.tasks.Wait()
	close(t.over)
	t.routines.Wait()
}
