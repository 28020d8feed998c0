package etcd

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// epoch is what meta says, and what follows from it.
type epoch struct {
	raw     string // the value of meta, which every write compares
	id      uint64 // the epoch of revisions; never zero
	base    uint64 // of the generations that begin now
	cluster uint64
}

// metaForm is the value of meta.
type metaForm struct {
	Format int    `json:"format"`
	Epoch  string `json:"epoch"` // random
	Base   uint64 `json:"base"`
}

func (m metaForm) text() (string, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("encode meta: %w", err)
	}
	return string(text), nil
}

func newMeta(base uint64) (string, error) {
	return metaForm{Format: 1, Epoch: rand.Text(), Base: base}.text()
}

func parseMeta(raw []byte, cluster uint64) (*epoch, error) {
	var m metaForm
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("decode meta: %w", err)
	}
	if m.Format != 1 || m.Epoch == "" {
		return nil, fmt.Errorf("decode meta: %q is of no form that this build knows", raw)
	}
	return &epoch{raw: string(raw), id: mix(m.Epoch, cluster), base: m.Base, cluster: cluster}, nil
}

// raised gives the value of meta with a base that puts every generation to come after the
// one given. It goes up in large steps, so that it is written once and not for each of
// many resurrections.
func (e *epoch) raised(above uint64) (raw string, base uint64, err error) {
	var m metaForm
	if err := json.Unmarshal([]byte(e.raw), &m); err != nil {
		return "", 0, fmt.Errorf("decode meta: %w", err)
	}
	m.Base = baseAbove(above)
	raw, err = m.text()
	return raw, m.Base, err
}

func baseAbove(generation uint64) uint64 { return (generation>>32 + 1) << 32 }

// mix makes one number, not zero, of the random value and the cluster.
func mix(random string, cluster uint64) uint64 {
	var id [8]byte
	binary.LittleEndian.PutUint64(id[:], cluster)
	return max(1, hash(random, string(id[:])))
}

// epochs is what the store knows of the present epoch, and how far it has seen it go.
type epochs struct {
	mu      sync.Mutex
	now     *epoch // nil: nothing is known yet
	highest int64  // revision that an answer or an event showed
}

func (e *epochs) current() (now *epoch, highest int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now, e.highest
}

// saw notes a revision of the present epoch.
func (e *epochs) saw(of *epoch, revision int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.now != nil && e.now.id == of.id {
		e.highest = max(e.highest, revision)
	}
}

// adopt makes an epoch the present one, and tells whether it is. An answer to a question
// that was asked before the last change of epoch changes nothing: it may be the older one.
// Where the epoch is another, the past was lost or rewritten, and what the store
// remembers of it is forgotten.
func (s *Store) adopt(next *epoch, revision int64, sure seen) bool {
	s.epochs.mu.Lock()
	before := s.epochs.now
	if before != nil && before.id == next.id {
		s.epochs.highest = max(s.epochs.highest, revision)
		if next.base >= before.base { // an answer that was overtaken does not lower it
			s.epochs.now = next
		}
		s.epochs.mu.Unlock()
		return true
	}
	if before != nil && (sure.epoch == nil || sure.epoch.id != before.id) {
		s.epochs.mu.Unlock()
		return false
	}
	s.epochs.now, s.epochs.highest = next, revision
	s.epochs.mu.Unlock()
	if before == nil {
		return true
	}
	s.opts.Logger.Warn("etcd: a new epoch: the past was lost or rewritten", "before", before.id, "now", next.id)
	s.ended.clear()
	s.graves.clear()
	s.stones.forget()
	s.feedMu.Lock()
	old := s.feed
	if old != nil && old.epoch != next.id {
		s.feed = nil
	} else {
		old = nil
	}
	s.feedMu.Unlock()
	if old != nil {
		old.finish(errEpoch)
	}
	return true
}

// look checks the head of an answer: the value of meta in it, nil if there is none, and
// the header. A nil epoch means that the question must be asked again.
func (s *Store) look(ctx context.Context, meta []byte, header *pb.ResponseHeader, sure seen) (*epoch, error) {
	s.contact.hear(header)
	if meta == nil {
		// A keyspace that is new, or that lost everything.
		return nil, s.writeMeta(ctx, clientv3.Compare(clientv3.CreateRevision(s.keys.meta), "=", 0), sure)
	}
	ep, err := parseMeta(meta, header.ClusterId)
	if err != nil {
		return nil, err
	}
	if sure.epoch != nil && sure.epoch.id == ep.id && header.Revision < sure.revision {
		// Acknowledged writes are gone though meta is as it was: a backup was restored.
		return nil, s.writeMeta(ctx, clientv3.Compare(clientv3.Value(s.keys.meta), "=", ep.raw), sure)
	}
	if !s.adopt(ep, header.Revision, sure) {
		return nil, nil
	}
	return ep, nil
}

// seen is what was known when a question was asked.
type seen struct {
	epoch    *epoch
	revision int64
}

// now gives what is known at the moment.
func (s *Store) now() seen {
	ep, highest := s.epochs.current()
	return seen{ep, highest}
}

// floor gives a base for a new epoch after the one that was seen, if one was: no
// generation of it may come twice.
func (sure seen) floor() uint64 {
	if sure.epoch == nil {
		return 0
	}
	return baseAbove(sure.epoch.base + uint64(max(0, sure.revision)))
}

// writeMeta begins an epoch, unless somebody else did so first.
func (s *Store) writeMeta(ctx context.Context, unless clientv3.Cmp, sure seen) error {
	client, err := s.link.get(ctx)
	if err != nil {
		return err
	}
	raw, err := newMeta(sure.floor())
	if err != nil {
		return err
	}
	resp, err := client.Txn(ctx).If(unless).Then(clientv3.OpPut(s.keys.meta, raw)).Else(clientv3.OpGet(s.keys.meta)).Commit()
	if err != nil {
		return fmt.Errorf("begin an epoch: %w", err)
	}
	value := []byte(raw)
	if !resp.Succeeded {
		kvs := resp.Responses[0].GetResponseRange().Kvs
		if len(kvs) == 0 {
			return nil // gone again; who asks next tries again
		}
		value = kvs[0].Value
	}
	ep, err := parseMeta(value, resp.Header.ClusterId)
	if err != nil {
		return err
	}
	s.adopt(ep, resp.Header.Revision, sure)
	return nil
}
