//go:build unix

package e2e

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/e2e/history"
	"github.com/roster-sd/roster/internal/redistest"
)

// onRedis is a master, and perhaps a replica of it that may take its place.
type onRedis struct {
	*links
	master, replica *redistest.Server
}

func newRedis(t testing.TB) *onRedis {
	t.Helper()
	master := redistest.Start(t, redistest.Options{AppendOnly: true})
	return &onRedis{links: newLinks(t, master.Addr()), master: master}
}

// newRedisPair starts a master and a replica, and the nodes know both.
func newRedisPair(t testing.TB) *onRedis {
	t.Helper()
	master := redistest.Start(t, redistest.Options{})
	replica := master.Replica(t)
	return &onRedis{links: newLinks(t, master.Addr(), replica.Addr()), master: master, replica: replica}
}

func (b *onRedis) late() time.Duration { return time.Second }

func (b *onRedis) link(node int) string {
	section := "store:\n  backend: redis\n  redis:\n    addresses:\n"
	for _, address := range b.join(node) {
		section += fmt.Sprintf("      - %q\n", address)
	}
	return section
}

func (b *onRedis) stop() { b.master.Pause() }
func (b *onRedis) goOn() { b.master.Resume() }
func (b *onRedis) down() { b.master.Kill() }
func (b *onRedis) up()   { b.master.Restart(true) }

// forget trims the stream of changes to the last one.
func (b *onRedis) forget() { b.master.Do("XTRIM", "{roster}:x", "MAXLEN", "1") }

// changes is the number of the last change that a server has.
func (b *onRedis) changes(s *redistest.Server) int {
	b.t.Helper()
	text, _ := s.Do("HGET", "{roster}:m", "num").(string)
	n, err := strconv.Atoi(text)
	if err != nil {
		b.t.Fatalf("the number of the last change is %q", text)
	}
	return n
}

// redisScenarios are those of Redis alone.
var redisScenarios = []scenario{
	{name: "the backend killed and restarted without its data", run: func(s *stage) {
		b := s.backend.(*onRedis)
		s.disrupt(history.Disruption{Effect: history.Outage, Loses: true}, b.down, maxTTL/2, func() { b.master.Restart(false) })
		s.run(2 * maxTTL)
	}},
	{name: "FLUSHALL", run: func(s *stage) {
		b := s.backend.(*onRedis)
		for range some(make([]int, 4)) {
			s.disrupt(history.Disruption{Effect: history.Trouble, Loses: true}, func() { b.master.Do("FLUSHALL") }, 0, func() {})
			s.run(maxTTL + 2*time.Second)
		}
	}},
}

// promotion: the master dies, and its replica, which had not heard its last writes, takes
// its place. The load is plain: of what was changed and is lost, nobody can know.
var promotion = scenario{name: "a replica promoted without its last writes", run: func(s *stage) {
	b := s.backend.(*onRedis)
	s.plain.Store(true)
	s.run(time.Second)
	b.replica.Detach()
	had := b.changes(b.replica)
	detached := s.rec.Now()
	s.run(1500 * time.Millisecond)
	lost := b.changes(b.master) - had
	b.master.Kill()
	died := s.rec.Now()
	s.run(500 * time.Millisecond)
	b.replica.Promote()
	now := s.rec.Now()
	s.rec.Disrupted(history.Disruption{Effect: history.Outage, From: died, To: now})
	s.rec.Disrupted(history.Disruption{Effect: history.Trouble, Loses: true, From: detached, To: now})
	s.run(2 * maxTTL)
	s.t.Logf("%d acknowledged changes were lost with the master", lost)
	if lost < 5 {
		s.t.Errorf("%d changes were lost: this scenario proves nothing", lost)
	}
}}
