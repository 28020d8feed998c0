package cli

import (
	"context"
	"fmt"

	"github.com/roster-sd/roster/internal/procwatch"
	"github.com/roster-sd/roster/wire"
)

// follow registers what runs already and renews it until the process, if one is named, ends
// or we are asked to. That ends nothing but the instance.
func (r *runner) follow(ctx context.Context, in wire.Registration, pid int) error {
	ended := make(<-chan struct{}) // by itself never
	if pid != 0 {
		watcher := procwatch.Open(procwatch.Options{})
		defer func() { _ = watcher.Close() }() // nothing is lost
		id := watcher.Identify(pid)
		if id == "" {
			return NotFound(fmt.Errorf("run: no process of this machine has the number %d", pid))
		}
		watcher.Watch(id)
		ended = watcher.Ended()
		in.PID = pid
	}
	within, stop := context.WithCancel(ctx)
	defer stop()
	t := &tenure{r: r}
	over := make(chan error, 1)
	go func() { over <- t.run(within, in) }()
	for waiting := true; waiting; {
		select {
		case <-ended:
			waiting = false
			r.s.tell("process %d has ended", pid)
		case sig := <-r.signals:
			waiting = !asksToEnd(sig)
		case err := <-over: // the registry does not take it, or not any longer
			t.leave()
			if err == nil {
				err = status(ExitError)
			}
			return err
		}
	}
	stop()
	err := <-over
	t.leave()
	return err
}
