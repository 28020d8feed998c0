package check

import (
	"context"
	"net/netip"
)

// errLater: too much is asked of one address now. The schedule knows when it is its turn.
var errLater = undecided("another check of the address comes first")

type turnKey struct{}

// withTurn gives a context in which addresses found by a name are asked for their turn.
func withTurn(ctx context.Context, turn func(netip.Addr) bool) context.Context {
	return context.WithValue(ctx, turnKey{}, turn)
}

func turnOf(ctx context.Context, addr netip.Addr) error {
	if turn, ok := ctx.Value(turnKey{}).(func(netip.Addr) bool); ok && !turn(addr) {
		return errLater
	}
	return nil
}
