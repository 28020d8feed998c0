package storetest

import "sync/atomic"

// pace lets writers go on only as fast as somebody reads, so that the two are
// interleaved whatever the scheduler likes best. A nil pace holds nobody up.
type pace struct {
	writers, readers atomic.Int64
	steps            chan struct{}
	written, read    chan struct{} // closed when the last of its kind has left
}

func newPace(writers, readers int) *pace {
	p := &pace{steps: make(chan struct{}), written: make(chan struct{}), read: make(chan struct{})}
	p.writers.Store(int64(writers))
	p.readers.Store(int64(readers))
	return p
}

// wait holds a writer up until it may write once more.
func (p *pace) wait() {
	if p == nil {
		return
	}
	select {
	case <-p.steps:
	case <-p.read:
	}
}

// more lets n writes through and tells whether any writer was left to do them.
func (p *pace) more(n int) bool {
	for range n {
		select {
		case p.steps <- struct{}{}:
		case <-p.written:
			return false
		}
	}
	return true
}

// writerLeaves is to be called once by each writer at its end, readerLeaves by each reader.
func (p *pace) writerLeaves() {
	if p.writers.Add(-1) == 0 {
		close(p.written)
	}
}

func (p *pace) readerLeaves() {
	if p.readers.Add(-1) == 0 {
		close(p.read)
	}
}
