package redistest

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Client gives a plain client of the server, which the caller closes.
func (s *Server) Client() *redis.Client { return client(s.Addr(), s.opts.Password) }

// Dial gives a plain client of a server without a password, which the caller closes.
func Dial(address string) *redis.Client { return client(address, "") }

func client(address, password string) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: address, Password: password, Protocol: 2, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true, PoolSize: 4,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// Do sends one command and ends the test if the server refuses it.
func (s *Server) Do(args ...any) any {
	s.tb.Helper()
	c := s.Client()
	defer func() { _ = c.Close() }() // nothing is lost with it
	v, err := c.Do(context.Background(), args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		s.tb.Fatalf("%v: %v", args, err)
	}
	return v
}
