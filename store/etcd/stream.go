package etcd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/store"
)

// watchStream is one watch of the whole prefix, on a stream of its own. gRPC's flow control
// holds etcd up where its reader is slow, so that nothing piles up on the way.
type watchStream struct {
	contact *contact
	cluster uint64

	mu     sync.Mutex // guards sending, and what is below
	stream pb.Watch_WatchClient
	cancel context.CancelFunc
	asked  time.Time // since when a question for progress has no answer; zero: none is open
}

// compacted is the error of a watch that begins before what etcd remembers.
type compacted struct{ revision int64 }

func (e *compacted) Error() string { return fmt.Sprintf("etcd is compacted up to %d", e.revision) }

// Is makes it an ErrCompacted.
func (e *compacted) Is(target error) bool { return target == store.ErrCompacted }

var errOtherCluster = errors.New("another cluster answers")

// open starts a watch from a revision on, that included.
func (w *watchStream) open(ctx context.Context, s *Store, cluster uint64, from int64) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	timer := time.AfterFunc(s.opts.CallTimeout/2, cancel)
	stream, err := dialWatch(ctx, s, from)
	if inTime := timer.Stop(); err == nil && !inTime {
		err = context.DeadlineExceeded
	}
	if err != nil {
		cancel()
		return fmt.Errorf("open a watch: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.contact, w.cluster, w.stream, w.cancel, w.asked = &s.contact, cluster, stream, cancel, time.Time{}
	return nil
}

func dialWatch(ctx context.Context, s *Store, from int64) (pb.Watch_WatchClient, error) {
	client, err := s.link.watches(ctx)
	if err != nil {
		return nil, err
	}
	stream, err := client.Watch(ctx, callOptions...)
	if err != nil {
		return nil, err
	}
	prefix := s.keys.prefix
	return stream, stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: &pb.WatchCreateRequest{
		Key: []byte(prefix), RangeEnd: []byte(clientv3.GetPrefixRangeEnd(prefix)), StartRevision: from,
		PrevKv: true, ProgressNotify: true, Fragment: true,
	}}})
}

// next gives events, of whole revisions, or a revision up to which there are no others.
func (w *watchStream) next() (events []*mvccpb.Event, progress int64, err error) {
	for {
		resp, err := w.stream.Recv()
		if err != nil {
			return nil, 0, err
		}
		switch {
		case resp.Canceled && resp.CompactRevision != 0:
			return nil, 0, &compacted{resp.CompactRevision}
		case resp.Canceled:
			return nil, 0, fmt.Errorf("etcd ended the watch: %s", resp.CancelReason)
		case resp.Header.ClusterId != w.cluster:
			return nil, 0, errOtherCluster
		}
		w.contact.hear(resp.Header)
		if resp.Created {
			continue
		}
		w.mu.Lock()
		w.asked = time.Time{}
		w.mu.Unlock()
		if events = append(events, resp.Events...); resp.Fragment {
			continue // the rest of it follows
		}
		if len(events) == 0 {
			return nil, resp.Header.Revision, nil
		}
		return events, 0, nil
	}
}

// kick asks how far the watch is. Errors show where answers are read.
func (w *watchStream) kick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stream == nil {
		return
	}
	if w.asked.IsZero() {
		w.asked = time.Now()
	}
	_ = w.stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_ProgressRequest{ProgressRequest: &pb.WatchProgressRequest{}}})
}

// abort ends the stream if it has given no answer for so long.
func (w *watchStream) abort(after time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stream != nil && !w.asked.IsZero() && time.Since(w.asked) > after {
		w.cancel()
	}
}

func (w *watchStream) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stream != nil {
		w.cancel()
		w.stream = nil
	}
}
