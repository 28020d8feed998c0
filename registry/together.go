package registry

import (
	"context"
	"time"

	"golang.org/x/sync/singleflight"
)

// readWithin bounds a read of the store that several callers wait for.
const readWithin = 2 * time.Second

// together reads something once for all who ask for it at the same time. What a caller
// is given was read after it asked.
func together[T any](ctx context.Context, group *singleflight.Group, key string, read func(context.Context) (T, error)) (T, error) {
	for joined := false; ; joined = true {
		own := false
		ch := group.DoChan(key, func() (any, error) {
			own = true
			// The caller that came first may leave; the others still want the answer.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readWithin)
			defer cancel()
			return read(ctx)
		})
		select {
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		case res := <-ch:
			// A read that was under way when this caller came may have passed the record
			// before it was written. The next one that it meets began after it came.
			if own || joined {
				out, _ := res.Val.(T)
				return out, res.Err
			}
		}
	}
}
