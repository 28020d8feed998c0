package redistest

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(Main{m}) }

func TestRestart(t *testing.T) {
	for _, keep := range []bool{true, false} {
		s := Start(t, Options{AppendOnly: true})
		address := s.Addr()
		s.Do("SET", "a", "1")
		s.Restart(keep)
		if s.Addr() != address {
			t.Errorf("after the restart it is at %s, was at %s", s.Addr(), address)
		}
		if got := s.Do("GET", "a"); (got == "1") != keep {
			t.Errorf("keeping its data %v: %v", keep, got)
		}
	}
}

func TestPause(t *testing.T) {
	s := Start(t, Options{})
	c := s.Client()
	defer c.Close()
	s.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	answered := make(chan error, 1)
	go func() { answered <- c.Ping(context.WithoutCancel(ctx)).Err() }()
	select {
	case err := <-answered:
		t.Errorf("a server that is stopped answered: %v", err)
	case <-ctx.Done():
	}
	s.Resume()
	if err := <-answered; err != nil {
		t.Errorf("after it was resumed: %v", err)
	}
}

func TestReplica(t *testing.T) {
	master := Start(t, Options{Password: "secret"})
	master.Do("SET", "a", "1")
	replica := master.Replica(t)
	master.Do("SET", "a", "2")
	replica.InSync()
	if got := replica.Do("GET", "a"); got != "2" {
		t.Errorf("the replica has %v", got)
	}
	replica.Detach()
	master.Do("SET", "a", "3")
	master.Kill()
	replica.Promote()
	if got := replica.Do("GET", "a"); got != "2" {
		t.Errorf("the promoted replica has %v", got)
	}
	replica.Do("SET", "a", "4")
}

func TestShared(t *testing.T) {
	if a, b := Shared(t).Addr(), Shared(t).Addr(); a != b {
		t.Errorf("two servers: %s, %s", a, b)
	}
	if a, b := Prefix(), Prefix(); a == b {
		t.Errorf("two tests have the prefix %s", a)
	}
}
