package registry

import (
	"sync"
	"sync/atomic"
)

// atOnce is how many calls to the store one batch makes at the same time.
const atOnce = 32

// spread does n things, several at once. The first is done alone, and after one that could
// not reach the store nothing is begun any more: each further try could cost a time-out. It
// gives that error for each thing that was not done.
func spread(n int, do func(i int) error) (undone []error) {
	undone = make([]error, n)
	if n == 0 {
		return undone
	}
	var down atomic.Pointer[error]
	try := func(i int) {
		if err := down.Load(); err != nil {
			undone[i] = *err
		} else if err := do(i); err != nil {
			down.CompareAndSwap(nil, &err)
		}
	}
	try(0)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(atOnce, n-1) {
		wg.Go(func() {
			for i := int(next.Add(1)); i < n; i = int(next.Add(1)) {
				try(i)
			}
		})
	}
	wg.Wait()
	return undone
}
