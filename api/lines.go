package api

import (
	"net"
	"sync"
)

// lines are the streams that are detached.
type lines struct {
	none chan struct{} // closed when the node drains and there are none left

	mu       sync.Mutex
	open     map[*stream]net.Conn // nil: it is being taken from the server
	draining bool
	severed  bool // what comes is closed
}

func (l *lines) init() { l.open, l.none = make(map[*stream]net.Conn), make(chan struct{}) }

// enter counts a stream, unless the node drains.
func (l *lines) enter(s *stream) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.draining {
		l.open[s] = nil
	}
	return !l.draining
}

// set says which connection the stream has.
func (l *lines) set(s *stream, conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.conn, l.open[s] = conn, conn
	if l.severed {
		conn.Close()
	}
}

func (l *lines) leave(s *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, s)
	l.empty()
}

// empty needs mu.
func (l *lines) empty() {
	if !l.draining || len(l.open) > 0 {
		return
	}
	select {
	case <-l.none:
	default:
		close(l.none)
	}
}

// drain has every stream see that it is to end.
func (l *lines) drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.draining {
		return
	}
	l.draining = true
	for s := range l.open {
		s.seat.want()
	}
	l.empty()
}

// cut closes the connections of all streams, and gives how many there are.
func (l *lines) cut() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.severed = true
	for _, conn := range l.open {
		if conn != nil {
			conn.Close()
		}
	}
	return len(l.open)
}
