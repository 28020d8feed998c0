//go:build unix

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/internal/e2e/history"
	"github.com/roster-sd/roster/internal/etcdtest"
)

// onEtcd is a cluster of three members.
type onEtcd struct {
	*links
	*etcdtest.Cluster
	client *clientv3.Client
}

func newEtcd(t testing.TB) *onEtcd {
	t.Helper()
	c := etcdtest.StartCluster(t, 3, etcdtest.Options{NoFsync: true})
	var hosts []string
	for _, m := range c.Members {
		hosts = append(hosts, m.Host())
	}
	return &onEtcd{links: newLinks(t, hosts...), Cluster: c, client: c.Client()}
}

func (b *onEtcd) late() time.Duration { return 3 * time.Second }

func (b *onEtcd) link(node int) string {
	section := "store:\n  backend: etcd\n  etcd:\n    endpoints:\n"
	for _, address := range b.join(node) {
		section += fmt.Sprintf("      - http://%s\n", address)
	}
	return section
}

// stop stops all members, as a whole backend that hangs.
func (b *onEtcd) stop() { b.each((*etcdtest.Server).Pause) }

func (b *onEtcd) goOn() { b.each((*etcdtest.Server).Resume) }

func (b *onEtcd) down() { b.each((*etcdtest.Server).Kill) }

// up starts all members again, with their data.
func (b *onEtcd) up() {
	for _, m := range b.Members {
		m.RestartSoon(true)
	}
	b.Leader()
}

func (b *onEtcd) each(f func(*etcdtest.Server)) {
	for _, m := range b.Members {
		f(m)
	}
}

// forget makes the members forget every change but the present state.
func (b *onEtcd) forget() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	now, err := b.client.Get(ctx, "\x00", clientv3.WithKeysOnly(), clientv3.WithLimit(1))
	if err == nil {
		_, err = b.client.Compact(ctx, now.Header.Revision, clientv3.WithCompactPhysical())
	}
	if err != nil {
		b.t.Fatalf("compact: %v", err)
	}
}

// etcdScenarios are those of etcd alone.
var etcdScenarios = []scenario{
	{name: "kill -9 of a member, then of the leader", run: func(s *stage) {
		b := s.backend.(*onEtcd)
		for _, member := range []*etcdtest.Server{b.Others(b.Leader())[0], nil} {
			if member == nil {
				member = b.Leader()
			}
			s.disrupt(history.Disruption{Effect: history.Trouble, Restarts: true}, member.Kill, 3*time.Second, func() { b.Leader() })
			s.run(time.Second)
			s.disrupt(history.Disruption{Effect: history.Trouble}, func() {}, 0, func() { member.Restart(true) })
			s.run(time.Second)
		}
	}},
	{name: "SIGSTOP of the leader, shorter than the TTLs", run: func(s *stage) { s.stopLeader(minTTL / 2) }},
	{name: "SIGSTOP of the leader, longer than the TTLs", run: func(s *stage) { s.stopLeader(2 * maxTTL) }},
}

// stopLeader stops the leader for a while. The others choose another one meanwhile.
func (s *stage) stopLeader(d time.Duration) {
	leader := s.backend.(*onEtcd).Leader()
	s.disrupt(history.Disruption{Effect: history.Trouble, Restarts: true}, leader.Pause, d, leader.Resume)
	s.run(maxTTL)
}
