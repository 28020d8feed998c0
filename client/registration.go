package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/roster-sd/roster/wire"
)

// DefaultGoodbye is how long [Registration.Close] tries to deregister.
const DefaultGoodbye = 5 * time.Second

// RegisterOptions say how to keep an instance registered. All members may be zero.
type RegisterOptions struct {
	// NoWait: Register returns at once, and registers in the background, also where no local
	// registry runs and none can be started: somebody may yet do that.
	NoWait bool
	// NoPID: the process is not named to a local registry. Without it that registry watches
	// the process, and drops the instance in the moment in which the process ends. Set it
	// where the registry cannot see the process by its number, as from within a container.
	NoPID bool
	// Goodbye bounds the deregistration by Close; [DefaultGoodbye] if zero.
	Goodbye time.Duration
}

// Registration keeps one instance registered until Close. Its goroutine renews the lease
// every third of the TTL, rotates the token, and, where the lease was lost in a way that
// allows it, registers again: after it expired or the registry has forgotten it, but not
// after somebody replaced or removed it. What fails for other reasons it tries again, for
// ever, with random waits that grow to a third of the TTL. All methods may be used
// concurrently.
type Registration struct {
	c       *Client
	opts    RegisterOptions
	ctx     context.Context // ends with Close; the worker lives by it
	cancel  context.CancelFunc
	done    chan struct{}
	states  chan State
	poke    chan struct{} // holds a token when the worker is to look at once
	goodbye error         // of the deregistration; read after done

	mu        sync.Mutex
	want      wire.Registration // what is to be registered, with every Update since
	version   uint64            // of want
	mine      wire.Instance     // as the registry showed it last
	lives     uint64            // how often it was registered
	token     string
	ttl       time.Duration
	confirmed time.Time // when the last renewal that was accepted was sent
	state     State
	err       error
	stepped   chan struct{} // closed, and made anew, after each step of the worker
}

// Register puts an instance into the registry and keeps it there until Close.
//
// It waits until the registry has it, tries on while the registry is away, and gives up
// when ctx ends, which does nothing later: give it a deadline, or NoWait. What trying again
// would not mend is returned at once: ErrInvalid, ErrForbidden, ErrConflict where another
// holder lives under the same ID, or a registry that cannot be started or trusted.
//
// Without an ID one is made here. A local registry is also told the number of this process,
// see RegisterOptions.NoPID.
func (c *Client) Register(ctx context.Context, in wire.Registration, opts RegisterOptions) (*Registration, error) {
	if in.ServiceName == "" {
		return nil, fmt.Errorf("register: %w", invalid("serviceName", "is required"))
	}
	r := c.registration(in, opts)
	first := r.stepped // before the worker can close it
	w := &worker{Registration: r, made: in.InstanceID == "", wall: now}
	go w.run() // ends with Close, which waits for it
	if opts.NoWait {
		return r, nil
	}
	for {
		select {
		case <-first:
		case <-ctx.Done():
			err := r.Err() // before closing overwrites it
			_ = r.Close()
			if err != nil {
				return nil, fmt.Errorf("register %s: %w; at last: %w", in.ServiceName, ctx.Err(), err)
			}
			return nil, fmt.Errorf("register %s: %w", in.ServiceName, ctx.Err())
		}
		r.mu.Lock()
		state, lives, err := r.state, r.lives, r.err
		first = r.stepped
		r.mu.Unlock()
		if state == Lost {
			<-r.done
			return nil, err
		}
		if lives > 0 {
			return r, nil
		}
	}
}

// registration makes one that nobody keeps yet.
func (c *Client) registration(in wire.Registration, opts RegisterOptions) *Registration {
	if opts.Goodbye <= 0 {
		opts.Goodbye = DefaultGoodbye
	}
	if in.InstanceID == "" {
		in.InstanceID = makeID(in.ServiceName)
	}
	if in.PID == 0 && !opts.NoPID && c.isLocal() {
		in.PID = os.Getpid()
	}
	// What is the caller's he may change: it is read again whenever the lease was lost.
	in.Tags, in.Metadata = slices.Clone(in.Tags), maps.Clone(in.Metadata)
	if in.Check != nil {
		check := *in.Check
		in.Check = &check
	}
	if in.TTL != nil {
		ttl := *in.TTL
		in.TTL = &ttl
	}
	r := &Registration{
		c: c, opts: opts, want: in,
		done: make(chan struct{}), states: make(chan State, 1), poke: make(chan struct{}, 1),
		stepped: make(chan struct{}),
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// Instance is the instance as the registry showed it last; only its names are set before
// it was registered.
func (r *Registration) Instance() wire.Instance {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lives == 0 {
		return wire.Instance{ServiceName: r.want.ServiceName, InstanceID: r.want.InstanceID}
	}
	return r.mine
}

// Close stops renewing and deregisters the instance, for which it takes at most
// RegisterOptions.Goodbye. Where that fails the instance goes when its TTL is over, and the
// error says why. It may be called more than once; each call waits for the end.
func (r *Registration) Close() error {
	r.cancel()
	<-r.done
	return r.goodbye
}

// look makes the worker take its next step at once.
func (r *Registration) look() {
	select {
	case r.poke <- struct{}{}:
	default:
	}
}

// ended gives the error of a registration that has come to its end.
func (r *Registration) ended() error {
	if err := r.Err(); err != nil {
		return err
	}
	return ErrClosed
}

// idAlphabet has no letters that are mistaken for digits or for each other; the registry
// makes its IDs of the same.
const idAlphabet = "23456789abcdefghjkmnpqrstuvwxyz"

// makeID makes an ID as the registry would. Here it has the virtue that a registration
// whose answer was lost can be sent again.
func makeID(service string) string {
	out := append([]byte(service), '-')
	var buf [16]byte
	for n := 0; n < 8; {
		_, _ = rand.Read(buf[:]) // it never fails
		for _, b := range buf {
			// The remainder of 256 would favour the first letters.
			if limit := 256 / len(idAlphabet) * len(idAlphabet); int(b) < limit && n < 8 {
				out = append(out, idAlphabet[int(b)%len(idAlphabet)])
				n++
			}
		}
	}
	return string(out)
}

// gone tells whether an error says that the instance is not there.
func gone(err error) bool { return errors.Is(err, ErrLeaseLost) || errors.Is(err, ErrNotFound) }
