package check

import (
	"net/netip"
	"time"
)

// pace keeps the checks of one address apart.
type pace struct {
	perSecond int // zero or below: no bound
	free      map[netip.Addr]time.Duration
	sweepAt   int // how many addresses there may be before those at rest are forgotten
}

// turn gives the time at which an address is free, and takes it.
func (p *pace) turn(addr netip.Addr, now time.Duration) time.Duration {
	if p.perSecond <= 0 || !addr.IsValid() {
		return now
	}
	if p.free == nil || len(p.free) >= p.sweepAt {
		p.sweep(now)
	}
	at := max(now, p.free[addr])
	p.free[addr] = at + time.Second/time.Duration(p.perSecond)
	return at
}

func (p *pace) sweep(now time.Duration) {
	if p.free == nil {
		p.free = make(map[netip.Addr]time.Duration)
	}
	for addr, at := range p.free {
		if at <= now {
			delete(p.free, addr)
		}
	}
	p.sweepAt = max(1024, 2*len(p.free))
}
