package memory

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
)

// The fault that the sweep is for cannot be made from outside; here it is made by hand.
func TestSweepRemovesARecordWithoutItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		f := open(t, Options{SweepInterval: 2 * time.Second, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
		for i := range 3 {
			f.register(fmt.Sprint(i), time.Hour)
		}
		w := f.watch()
		broken := f.gets(store.InstanceKey("orders", "1"))
		f.mu.Lock()
		f.table.Revoke(lease.ID(broken.Lease))
		f.mu.Unlock()
		start := time.Now()
		b := f.next(w)
		if took := time.Since(start); tell(b.Events) != "[expired 1]" || took > 2*time.Second+lease.PulseEvery {
			t.Errorf("after %v: %s", took, tell(b.Events))
		}
		f.quiet(w, 30*time.Second)
		if len(f.list().Records) != 2 {
			t.Errorf("%d records left", len(f.list().Records))
		}
		f.Close() // the buffer is written by the store's goroutine
		if strings.Count(logged.String(), "instance/orders/1") != 1 {
			t.Errorf("log: %s", &logged)
		}
	})
}

func TestSweepOfAHealthyStoreDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, Options{SweepInterval: time.Millisecond}) // with every tick
		for i := range 10 * portion {
			f.register(fmt.Sprint(i), time.Hour)
		}
		w := f.watch()
		f.quiet(w, 10*time.Second)
	})
}
