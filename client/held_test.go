package client

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// once is a body that cannot be read again.
type once struct {
	io.Reader
	closed atomic.Int32
}

func (o *once) Close() error { o.closed.Add(1); return nil }

// A body that can be read once only, as one that a proxy passes on, goes to another instance
// too where no connection was made.
func TestTransportOfBodiesThatAreReadOnce(t *testing.T) {
	at, _ := registryAt(t)
	c := reach(t, at)
	one := instance(t, c, "auth-service", "1", echo("one"))
	instance(t, c, "auth-service", "2", echo("two"))
	one.Close()
	for range 20 { // each begins at a random one of the two
		body := &once{Reader: strings.NewReader("once")}
		resp, err := via(t, &Transport{Client: c}).Post("http://auth-service/", "text/plain", body)
		if got := text(t, resp, err); got != "two auth-service / once" {
			t.Errorf("got %q", got)
		}
		if body.closed.Load() == 0 {
			t.Error("the body was not closed")
		}
	}
	// One of which something was read is not sent again; the error says where it was to go.
	gone := one.Listener.Addr().String()
	reads := trip(func(req *http.Request) (*http.Response, error) {
		if req.URL.Host == gone {
			_, _ = io.ReadAll(req.Body)
			req.Body.Close()
		}
		return http.DefaultTransport.RoundTrip(req)
	})
	var err error
	for try := 0; err == nil; try++ {
		body := &once{Reader: strings.NewReader("once")}
		var resp *http.Response
		resp, err = via(t, &Transport{Client: c, Base: reads}).Post("http://auth-service/", "text/plain", body)
		if err == nil {
			resp.Body.Close()
		}
		if body.closed.Load() == 0 {
			t.Error("the body was not closed")
		}
		if try > 60 {
			t.Fatal("the one that is gone is never asked")
		}
	}
	if !strings.Contains(err.Error(), "auth-service is registered at "+gone) {
		t.Errorf("error %v", err)
	}
}
