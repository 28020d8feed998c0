package bench

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// The digits that names have, so that those of all instances are of one length.
const (
	serviceDigits  = 5
	instanceDigits = 7
	changeDigits   = 10
	tagLength      = 4
	maxName        = 40
	maxToken       = 63
)

// changeKey is the metadata in which an instance shows the number of its last change.
const changeKey = "bench"

// token is a token without a pointer: a million of them are nothing to the garbage collector.
type token struct {
	n    uint8 // its length; 0: the instance is not registered
	text [maxToken]byte
}

func (t *token) bytes() []byte { return t.text[:t.n] }

// fleet is the instances of a run. The ith is one of service i modulo their number, so that
// those that follow each other are of different services.
type fleet struct {
	o      *Options
	name   string    // begins all names: that of the options, and a tag that no other run has
	zero   time.Time // from which block.renewed counts
	tokens []token
	blocks []block
	size   int // of a block
	form   form
	host   string
	// each is how many instances that follow each other are of one service; 0: none, they go
	// round the services.
	each  int
	first int // number in the name of the first instance

	registered atomic.Int64
	granted    atomic.Int64 // the TTL, in nanoseconds
	life       atomic.Int64 // of a token, in nanoseconds; 0: it does not expire, or is not known
	changes    atomic.Int64 // numbers given to changes
}

// block is instances that follow each other and are renewed together.
type block struct {
	// mu is held for reading while tokens of the block are used, and for writing while they
	// change: an instance that leaves and comes back is not renewed meanwhile.
	mu      sync.RWMutex
	here    atomic.Int32 // how many are registered
	full    atomic.Bool  // all of them have been
	renewed atomic.Int64 // when the last renewal of all of them was sent
	due     atomic.Int64 // when the next one should be
}

func newFleet(o *Options, blockSize int, begun time.Time) *fleet {
	f := &fleet{o: o, name: o.Name + "-" + tag(), zero: begun, tokens: make([]token, o.Instances), size: blockSize, host: o.Targets[0].Address}
	f.blocks = make([]block, (o.Instances+blockSize-1)/blockSize)
	f.form = newForm(f.name, o.TTL)
	f.granted.Store(int64(o.TTL))
	return f
}

// tag tells two runs at a time apart: what one registers the other must not see.
func tag() string {
	const letters = "bcdfghjkmnpqrstvwxyz23456789" // no words
	b := make([]byte, tagLength)
	for i := range b {
		b[i] = letters[rand.IntN(len(letters))]
	}
	return string(b)
}

// service gives the name of the nth service.
func (f *fleet) service(n int) string {
	return fmt.Sprintf("%s-%0*d", f.name, serviceDigits, n)
}

func (f *fleet) serviceOf(i int) int {
	if f.each > 0 {
		return i / f.each
	}
	return i % f.o.Services
}

// ofService counts the registered instances of the nth service. Nobody changes them meanwhile.
func (f *fleet) ofService(n int) (count int) {
	for i := range f.tokens {
		if f.tokens[i].n > 0 && f.serviceOf(i) == n {
			count++
		}
	}
	return count
}

// id gives the ID of the ith instance.
func (f *fleet) id(i int) string { return fmt.Sprintf("%s-%0*d", f.name, instanceDigits, f.first+i) }

// blockOf gives the block of the ith instance.
func (f *fleet) blockOf(i int) *block { return &f.blocks[i/f.size] }

// members gives the instances of the nth block: from, and up to to.
func (f *fleet) members(n int) (from, to int) {
	return n * f.size, min((n+1)*f.size, len(f.tokens))
}

// errGrant says that a registration was answered with something that is none.
var errGrant = errors.New("the answer to a registration holds no token")

// took notes what a registration was answered with. sent is when it was sent.
func (f *fleet) took(i int, body []byte, sent time.Time) error {
	// The answer repeats the instance first, whose fields have other names.
	text := textBytes(body, "token")
	if len(text) == 0 || len(text) > maxToken {
		return &refusal{201, codeAnswer, errGrant.Error()}
	}
	t := &f.tokens[i]
	fresh := t.n == 0
	t.n = uint8(copy(t.text[:], text))
	if ttl := number(body[bytes.LastIndex(body, []byte(`"token"`)):], "ttl"); ttl > 0 {
		f.granted.Store(ttl * int64(time.Millisecond))
	}
	if expires := number(body, "tokenExpiresAt"); expires > 0 {
		f.life.Store((expires - number(body, "registeredAt")) * int64(time.Millisecond))
	}
	if !fresh {
		return nil
	}
	f.registered.Add(1)
	b := f.blockOf(i)
	from, to := f.members(i / f.size)
	at := int64(sent.Sub(f.zero))
	b.renewed.CompareAndSwap(0, at) // that of the first of them
	if int(b.here.Add(1)) == to-from {
		// Spread over a third of the TTL, as those of services that start by themselves.
		b.due.CompareAndSwap(0, at+spread(int64(i/f.size), f.granted.Load()/3))
		b.full.Store(true)
	}
	return nil
}

// spread gives the nth of many numbers that lie evenly in 0 to most.
func spread(n, most int64) int64 {
	const golden = 0.6180339887498949
	x := float64(n) * golden
	return int64((x - float64(int64(x))) * float64(most))
}

// oldest is when, since the run began, the block was renewed that was not for longest.
func (f *fleet) oldest() time.Duration {
	oldest := time.Since(f.zero)
	for n := range f.blocks {
		if b := &f.blocks[n]; b.here.Load() > 0 {
			oldest = min(oldest, time.Duration(b.renewed.Load()))
		}
	}
	return oldest
}
