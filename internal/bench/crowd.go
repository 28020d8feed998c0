package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/roster-sd/roster/internal/bench/rawclient"
	"github.com/roster-sd/roster/wire"
)

const (
	// crowdTTL is the TTL of those who stay: longer than all that is done with them.
	crowdTTL = 50 * time.Minute
	// crowdServices is over how many services a crowd is spread, and those of it who die.
	crowdServices = 100
	// etcdCrowd is the most that an etcd is filled with: each instance is a lease of its
	// own there, and it is reported without a goal.
	etcdCrowd = 2000
)

// crowd is a Roster that holds many instances.
type crowd struct {
	backend, protocol string
	roster            *Server
	members           []Registered

	dying int           // how many more end at once, in each wave
	ttl   time.Duration // theirs
}

// crowd measures what is done with many instances at a time, on a Roster of its own.
func (r *runner) crowd(ctx context.Context, backend string) (err error) {
	if !r.options.crowded() {
		return nil
	}
	w := &crowd{backend: backend, protocol: r.options.Protocols[0], dying: dying, ttl: dyingTTL(backend)}
	u := setup{dir: filepath.Join(r.dir, backend+"-crowd"), name: ServerRoster}
	if err := os.Mkdir(u.dir, 0o700); err != nil {
		return err
	}
	if u.certs, err = r.certificates(w.protocol); err != nil {
		return err
	}
	size := r.options.Crowd
	if backend != BackendMemory {
		if u.backend, err = r.startBackend(ctx, backend, filepath.Join(r.data, backend+"-crowd")); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, u.backend.Stop()) }()
	}
	if backend == BackendEtcd {
		size = min(size, etcdCrowd)
	}
	if w.roster, err = startRoster(ctx, r.bin.roster, u); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.roster.Stop()) }()
	r.report.Servers = append(r.report.Servers, w.roster.Settings)

	begun := time.Now()
	w.members, err = r.recruit(ctx, w.roster.Target, size, func(i int) wire.Registration {
		return rawclient.Registration(crowdService(i), fmt.Sprintf("stays-%06d", i), i, crowdTTL)
	})
	if err != nil {
		return err
	}
	r.progress.printf("%s, %s: registered a crowd of %s in %.1f s\n", backend, w.protocol, grouped(float64(size)), time.Since(begun).Seconds())
	if slices.Contains(r.options.Cases, caseBatch) {
		if err := r.batch(ctx, w); err != nil {
			return err
		}
	}
	if slices.Contains(r.options.Cases, caseEviction) {
		return r.evict(ctx, w)
	}
	return nil
}

func crowdService(i int) string { return fmt.Sprintf("crowd-%03d", i%crowdServices) }
