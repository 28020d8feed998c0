//go:build unix

package etcdtest_test

import (
	"context"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/internal/etcdtest"
)

var quick = etcdtest.Options{NoFsync: true, Heartbeat: 20 * time.Millisecond, Election: 200 * time.Millisecond}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func put(t *testing.T, c *clientv3.Client, value string) {
	t.Helper()
	if _, err := c.Put(within(t, time.Minute), "k", value); err != nil {
		t.Fatalf("put: %v", err)
	}
}

// value gives what is stored; empty is nothing.
func value(t *testing.T, c *clientv3.Client) string {
	t.Helper()
	got, err := c.Get(within(t, time.Minute), "k")
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	if len(got.Kvs) == 0 {
		return ""
	}
	return string(got.Kvs[0].Value)
}

func TestRestartKeepsOrLosesData(t *testing.T) {
	s := etcdtest.Start(t, quick)
	c := s.Client()
	put(t, c, "1")
	s.Restart(true)
	if got := value(t, c); got != "1" {
		t.Errorf("after a restart with its data the value is %q", got)
	}
	s.Restart(false)
	if got := value(t, c); got != "" {
		t.Errorf("after a restart without data the value is %q", got)
	}
}

func TestPausedServerAnswersNothing(t *testing.T) {
	s := etcdtest.Start(t, quick)
	c := s.Client()
	put(t, c, "1")
	s.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := c.Get(ctx, "k"); err == nil {
		t.Error("a paused server answers")
	}
	s.Resume()
	if got := value(t, c); got != "1" {
		t.Errorf("afterwards the value is %q", got)
	}
}

func TestCheckpointRollsBack(t *testing.T) {
	s := etcdtest.Start(t, quick)
	c := s.Client()
	put(t, c, "1")
	rollback := s.Checkpoint()
	put(t, c, "2")
	rollback()
	if got := value(t, c); got != "1" {
		t.Errorf("after the rollback the value is %q", got)
	}
}

func TestClusterSurvivesItsLeader(t *testing.T) {
	cluster := etcdtest.StartCluster(t, 3, quick)
	c := cluster.Client()
	put(t, c, "1")
	old := cluster.Leader()
	old.Kill()
	if next := cluster.Leader(); next == old {
		t.Error("a killed member leads")
	}
	put(t, c, "2")
	old.Restart(true)
	if got := value(t, old.Client()); got != "2" {
		t.Errorf("the member that came back gives %q", got)
	}
	if n := len(cluster.Others(old)); n != 2 {
		t.Errorf("%d others", n)
	}
}
