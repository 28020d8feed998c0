package etcd

import (
	"context"
	"slices"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
)

const (
	// Each endpoint is asked so often whether it can serve, and has so long to answer.
	probeEvery  = 500 * time.Millisecond
	probeWithin = 800 * time.Millisecond
)

// lead notes the connection to the leader; nil is none that is known. Renewals go there: a
// member that does not lead passes each on by a request of its own, one after another.
func (l *link) lead(conn *grpc.ClientConn) {
	l.mu.Lock()
	l.leader = conn
	l.mu.Unlock()
	l.s.renewer.move()
}

// renewals gives the part of the protocol that the renewal stream speaks, from the leader if
// it is known.
func (l *link) renewals(ctx context.Context) (pb.LeaseClient, error) {
	l.mu.Lock()
	leader := l.leader
	l.mu.Unlock()
	if leader != nil && leader.GetState() == connectivity.Ready {
		return pb.NewLeaseClient(leader), nil
	}
	return l.leases(ctx)
}

// watchEndpoints takes endpoints that do not serve out of use until they do again. gRPC
// alone goes on sending to a member that is stopped, or cut off from the others, for as
// long as its connection looks sound. Where none serves, all are used.
func (l *link) watchEndpoints() {
	client, err := l.patient()
	if err != nil {
		return // the store is closed
	}
	all := l.conf.Endpoints
	verdicts := make(chan verdict)
	var probing sync.WaitGroup
	for i, endpoint := range all {
		probing.Go(func() { l.probe(client, i, endpoint, verdicts) })
	}
	defer probing.Wait()
	const none = -1
	bad, leads := make([]bool, len(all)), none
	used := all
	for {
		select {
		case v := <-verdicts:
			bad[v.endpoint] = v.bad
			if led := leads == v.endpoint; led != (v.leader != nil) {
				if leads = v.endpoint; led {
					leads = none
				}
				l.lead(v.leader)
			}
		case <-l.s.ctx.Done():
			return
		}
		var good []string
		for i, endpoint := range all {
			if !bad[i] {
				good = append(good, endpoint)
			}
		}
		if len(good) == 0 {
			good = all
		}
		if !slices.Equal(good, used) {
			l.s.opts.Logger.Info("etcd: endpoints in use", "endpoints", good, "of", len(all))
			client.SetEndpoints(good...)
			used = good
		}
	}
}

type verdict struct {
	endpoint int
	bad      bool
	leader   *grpc.ClientConn // to the endpoint, if it is the leader's
}

// patient gives the client as soon as there is one.
func (l *link) patient() (*clientv3.Client, error) {
	for {
		client, err := l.get(l.s.ctx)
		if err == nil || l.s.ctx.Err() != nil {
			return client, err
		}
		wait(l.s.ctx, probeEvery)
	}
}

// probe asks one endpoint again and again for a read that needs a leader.
func (l *link) probe(client *clientv3.Client, i int, endpoint string, verdicts chan<- verdict) {
	conn, err := client.Dial(endpoint)
	if err != nil {
		l.s.opts.Logger.Warn("etcd: an endpoint cannot be dialed", "endpoint", endpoint, "error", err)
		return
	}
	defer func() { _ = conn.Close() }() // there is nothing left to lose
	kv, status := pb.NewKVClient(conn), pb.NewMaintenanceClient(conn)
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		ctx, cancel := context.WithTimeout(l.s.ctx, probeWithin)
		v := verdict{endpoint: i}
		_, err := kv.Range(ctx, &pb.RangeRequest{Key: []byte(l.s.keys.meta), CountOnly: true}, callOptions...)
		if v.bad = err != nil; !v.bad {
			st, err := status.Status(ctx, &pb.StatusRequest{}, callOptions...)
			if err == nil && st.Leader == st.Header.MemberId {
				v.leader = conn
			}
		}
		cancel()
		select {
		case verdicts <- v:
		case <-l.s.ctx.Done():
			return
		}
		select {
		case <-tick.C:
		case <-l.s.ctx.Done():
			return
		}
	}
}
