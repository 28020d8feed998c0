package client

import (
	"io"
	"net/http"
	"sync"
)

// heldBody is the body of a request that has no GetBody, as behind a reverse proxy. It is
// kept open for another instance while it is not settled to whom the request goes, and can be
// sent there if nothing of it was read.
type heldBody struct {
	io.ReadCloser

	mu      sync.Mutex
	read    bool
	closed  bool // by whoever was to send it
	settled bool
}

// hold gives the body to send, and what holds it; nil where there is nothing to hold.
func hold(req *http.Request) *heldBody {
	if req.Body == nil || req.Body == http.NoBody || req.GetBody != nil {
		return nil
	}
	return &heldBody{ReadCloser: req.Body}
}

func (b *heldBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	b.read = true
	b.mu.Unlock()
	return b.ReadCloser.Read(p)
}

func (b *heldBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if !b.settled {
		return nil
	}
	return b.ReadCloser.Close()
}

// again tells whether the body can be sent to another instance, and takes back that the one
// before has closed it.
func (b *heldBody) again() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = b.closed && b.read
	return !b.read
}

// settle says that it is sent to nobody else: who has closed it has, and who will closes it.
func (b *heldBody) settle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.settled = true; b.closed {
		_ = b.ReadCloser.Close() // it was only to be read
	}
}
