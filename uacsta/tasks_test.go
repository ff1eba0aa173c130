package uacsta

import (
	"sync/atomic"
	"testing"
)

// Who waits for all tasks waits for those too that are begun meanwhile from elsewhere, as by a connection that is accepted while the server stops; and
// neither is a race, also where there was no task at that moment.
func TestTasksBegunWhileWaiting(t *testing.T) {
	for range 200 {
		g := newTasks()
		var ran atomic.Int32
		begin, begun := make(chan struct{}), make(chan struct{})
		g.Go(func() { <-begin; g.Go(func() { ran.Add(1) }); ran.Add(1) })
		go func() {
			defer close(begun)
			for range 3 {
				g.Go(func() { ran.Add(1) })
			}
		}()
		close(begin)
		g.wait()
		if got := ran.Load(); got < 2 {
			t.Fatalf("%d tasks had run", got)
		}
		<-begun
		g.tasks.wait()
		g.routines.wait()
		if got := ran.Load(); got != 5 {
			t.Fatalf("%d tasks ran", got)
		}
	}
}
