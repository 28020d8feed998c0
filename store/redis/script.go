package redis

import (
	"context"
	"crypto/sha1" //nolint:gosec // it is how Redis names scripts
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	driver "github.com/redis/go-redis/v9"

	"github.com/roster-sd/roster/store"
)

//go:embed lua
var sources embed.FS

// script is a script of the folder lua with what goes before it.
type script struct {
	sha, text string
	// twice says that running it a second time, because the answer to the first was cut
	// off, does no harm.
	twice bool
}

func source(name string) string {
	text, err := sources.ReadFile("lua/" + name + ".lua")
	if err != nil {
		panic(err) // it is part of the program
	}
	return string(text)
}

// The first line of a script says that it may write, so that a replica refuses it, and,
// unless it makes the data grow, that it runs also when the memory is full.
func newScript(first, text string, twice bool) *script {
	sum := sha1.Sum([]byte(first + text)) //nolint:gosec // see above
	return &script{sha: hex.EncodeToString(sum[:]), text: first + text, twice: twice}
}

const (
	grows = "#!lua\n"
	stays = "#!lua flags=allow-oom\n"
)

func reading(name string) *script {
	return newScript(stays, source("guard")+source(name), true)
}

func changing(first, name string) *script {
	limits := fmt.Sprintf("local age, kept = %d, %d\n", store.TombstoneAge.Milliseconds(), store.TombstonesPerKey)
	return newScript(first, source("guard")+limits+source("change")+source(name), false)
}

var (
	scriptLook       = newScript(stays, source("look"), true)
	scriptPing       = reading("ping")
	scriptGet        = reading("get")
	scriptRead       = reading("read")
	scriptKinds      = reading("kinds")
	scriptList       = reading("list")
	scriptPosition   = reading("position")
	scriptFeed       = reading("feed")
	scriptHistory    = reading("history")
	scriptRenew      = reading("renew")
	scriptRegister   = changing(grows, "register")
	scriptUpdate     = changing(grows, "update")
	scriptDeregister = changing(stays, "deregister")
	scriptTombstones = changing(stays, "tombstones")
	scriptSweep      = changing(stays, "sweep")
)

// The first value of a script's answer.
const (
	done      = 0
	lookAgain = 1 // the epoch is another, or must be: nothing was done
	conflict  = 2
	lost      = 3
	notFound  = 4
	moved     = 5 // it has changed meanwhile, or is missing
	taken     = 6 // not under this lease, or not at this time
	compacted = 7
	unknown   = 8 // the keyspace has a layout that this build does not know
	replica   = 9
)

// refusal gives the kind of error that a code stands for; nil for none.
func refusal(code int64) error {
	switch code {
	case conflict:
		return store.ErrConflict
	case lost:
		return store.ErrLeaseLost
	case notFound:
		return store.ErrNotFound
	case compacted:
		return store.ErrCompacted
	}
	return nil
}

var (
	errReplica  = errors.New("this server is a replica")
	errRestless = errors.New("the epoch changes faster than a call can follow")
	errAnswer   = errors.New("the answer of a script has another form")
)

// reply is the answer of a script.
type reply []any

func (r reply) code() int64 { return r.integer(0) }

func (r reply) integer(i int) int64 {
	if i >= len(r) {
		return 0
	}
	switch v := r[i].(type) {
	case int64:
		return v
	case string:
		n, _ := strconv.ParseInt(v, 10, 64) // numbers are the scripts' own
		return n
	}
	return 0
}

func (r reply) number(i int) uint64 { return uint64(r.integer(i)) }

func (r reply) text(i int) string {
	if i >= len(r) {
		return ""
	}
	s, _ := r[i].(string)
	return s
}

func (r reply) list(i int) reply {
	if i >= len(r) {
		return nil
	}
	l, _ := r[i].([]any)
	return l
}

// run runs a guarded script under the present epoch, and finds that out as often as the
// script asks for it.
func (s *Store) run(ctx context.Context, sc *script, args ...any) (reply, *epoch, error) {
	return s.runWith(ctx, sc, func() []any { return args })
}

// runWith is run with arguments that are made for each time it is tried.
func (s *Store) runWith(ctx context.Context, sc *script, args func() []any) (reply, *epoch, error) {
	for range 4 {
		e, err := s.known(ctx)
		if err != nil {
			return nil, nil, err
		}
		r, err := s.runIn(ctx, e, sc, args()...)
		if err != nil || r.code() != lookAgain {
			return r, e, err
		}
	}
	return nil, nil, errRestless
}

// runIn runs a guarded script under one epoch. If that is over, the answer is lookAgain, and
// the new one is known.
func (s *Store) runIn(ctx context.Context, e *epoch, sc *script, args ...any) (reply, error) {
	all := make([]any, 0, 2+len(args))
	all = append(append(all, e.text, e.seen.Load()), args...)
	r, err := s.eval(ctx, sc, all)
	if err != nil {
		return nil, err
	}
	if r.code() == lookAgain {
		return r, s.look(ctx, e, false)
	}
	if r.code() == done {
		e.saw(r.number(1))
	}
	s.heard()
	return r, nil
}

// eval runs a script on the present server. What the server refuses because it is not the
// one to ask is asked of the next.
func (s *Store) eval(ctx context.Context, sc *script, args []any) (reply, error) {
	var r reply
	var err error
	for range 1 + len(s.opts.Addresses) {
		c := s.link.client.Load()
		r, err = s.evalOn(ctx, c, sc, args)
		if err == nil {
			return r, nil
		}
		again := s.broke(c, err)
		if !again || !sc.twice && !wrongServer(err) || ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func (s *Store) evalOn(ctx context.Context, c driver.Scripter, sc *script, args []any) (reply, error) {
	v, err := c.EvalSha(ctx, sc.sha, s.keys, args...).Slice()
	if serverSays(err, "NOSCRIPT") {
		v, err = c.Eval(ctx, sc.text, s.keys, args...).Slice()
	}
	switch r := reply(v); {
	case err != nil:
		return nil, err
	case len(r) == 0:
		return nil, errAnswer
	case r.code() == replica:
		return nil, errReplica
	case r.code() == unknown:
		return nil, fmt.Errorf("the keyspace has layout %s, which this build does not know", r.text(1))
	default:
		return r, nil
	}
}

// broke looks at the error of a call, lets go of connections that are of no use any more, and
// tells whether there is something else to try at once.
func (s *Store) broke(c *driver.Client, err error) (again bool) {
	var said driver.Error
	switch {
	case wrongServer(err):
		s.link.retire(c, true)
		return len(s.opts.Addresses) > 1
	case errors.As(err, &said) || errors.Is(err, context.Canceled) || errors.Is(err, errAnswer) || errors.Is(err, driver.ErrPoolTimeout):
		return false
	case timedOut(err):
		// It may have been this call's time that was too short.
		if s.contact.silent() > patience/2 {
			s.link.retire(c, true)
		}
		return false
	}
	s.link.retire(c, false)
	return !isDial(err)
}
