package etcd

import (
	"context"
	"slices"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// Each endpoint is asked so often whether it can serve, and has so long to answer.
	probeEvery  = 500 * time.Millisecond
	probeWithin = 800 * time.Millisecond
)

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
	bad := make([]bool, len(all))
	used := all
	for {
		select {
		case v := <-verdicts:
			bad[v.endpoint] = v.bad
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
	defer conn.Close()
	kv := pb.NewKVClient(conn)
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		ctx, cancel := context.WithTimeout(l.s.ctx, probeWithin)
		_, err := kv.Range(ctx, &pb.RangeRequest{Key: []byte(l.s.keys.meta), CountOnly: true}, callOptions...)
		cancel()
		select {
		case verdicts <- verdict{i, err != nil}:
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
