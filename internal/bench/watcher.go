package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/roster-sd/roster/internal/bench/rawclient"
)

// watcher is an open stream of Server-Sent Events. It is for one goroutine, but for close.
type watcher struct {
	*rawclient.Events
	body   io.Closer
	cancel context.CancelFunc
}

// watch follows all services, from behind the snapshot on. It ends with the context. The
// caller closes it.
func (a *API) watch(ctx context.Context) (*watcher, error) {
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.Base+"/registry/watch", nil)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watch: %w", err)
	}
	resp, err := (&http.Client{Transport: a.HTTP.Transport}).Do(req) //nolint:bodyclose // the watcher closes it; and no timeout
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watch: %w", err)
	}
	w := &watcher{Events: rawclient.NewEvents(resp.Body, 64<<10), body: resp.Body, cancel: cancel}
	if resp.StatusCode != http.StatusOK {
		w.close()
		return nil, fmt.Errorf("watch: status %d", resp.StatusCode)
	}
	timer := time.AfterFunc(3*patience, w.close)
	defer timer.Stop()
	if err := w.PassSnapshot(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// close ends the stream, also while it is read.
func (w *watcher) close() {
	w.cancel()
	w.body.Close()
}
