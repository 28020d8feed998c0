package server

import (
	"context"
	"time"
)

// warning is something about a backend that an operator should know.
type warning struct{ Name, Text string }

// checker looks a backend over.
type checker func(context.Context) ([]warning, error)

// warnings makes a checker of a backend's own.
func warnings[W interface{ ~struct{ Name, Text string } }](check func(context.Context) ([]W, error)) checker {
	return func(ctx context.Context) ([]warning, error) {
		found, err := check(ctx)
		out := make([]warning, len(found))
		for i, w := range found {
			out[i] = warning(w)
		}
		return out, err
	}
}

const (
	checkWithin = 10 * time.Second
	checkAgain  = 5 * time.Second // after a check that failed
)

// checkBackend looks the backend over once it answers, and logs what is wrong with it.
func (s *Server) checkBackend(ctx context.Context) error {
	if s.backend.check == nil {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.catalog.Warm():
	}
	for {
		found, err := s.checkOnce(ctx)
		for _, w := range found {
			s.log.Warn("backend check", "name", w.Name, "text", w.Text)
		}
		if err == nil {
			return nil
		}
		s.log.Info("backend check failed, asking again", "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(checkAgain):
		}
	}
}

func (s *Server) checkOnce(ctx context.Context) ([]warning, error) {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	return s.backend.check(ctx)
}
