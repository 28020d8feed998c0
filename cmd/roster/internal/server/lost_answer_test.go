package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/roster-sd/roster/wire"
)

// lossyConn is a connection that breaks when the next answer has come, so that the server has
// done what it was asked and the client does not know.
type lossyConn struct {
	net.Conn
	lose *atomic.Bool
}

var errLost = errors.New("the answer is lost")

func (c lossyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.lose.CompareAndSwap(true, false) {
		c.Conn.Close()
		return 0, errLost
	}
	return n, err
}

// TestLostAnswersOverTLS: clients whose answers are lost with their connections, at random,
// go on with what they have. The registry has done what it was asked each time, and nobody is
// locked out.
func TestLostAnswersOverTLS(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	n := serve(t, Options{Config: secure(f)})
	cert := f.client("orders")
	var lose atomic.Bool
	transport := &http.Transport{MaxConnsPerHost: 1, TLSClientConfig: f.trust(cert),
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return lossyConn{conn, &lose}, err
		}}
	transport.TLSClientConfig.NextProtos = []string{"http/1.1"}
	c := n.caller(transport, "https://"+n.srv.Addr())
	lost, rotated := 0, 0
	for seq := range 60 {
		random := rand.New(rand.NewPCG(3, uint64(seq)))
		id := fmt.Sprintf("o-%d", seq)
		token := c.register(201, "orders", id, "").Token
		ref := wire.InstanceRef{ServiceName: "orders", InstanceID: id}
		for step := range 12 {
			path := []string{"/registry/token/rotate", "/registry/token/rotate", "/registry/heartbeat"}[random.IntN(3)]
			losing := random.IntN(2) == 0
			if losing {
				c.text(200, "/health") // so that there is a connection: its handshake is not to be lost
				lose.Store(true)
			}
			resp, data, err := c.try("POST", path, token, ref)
			switch {
			case losing && (err == nil || lose.Load()):
				t.Fatalf("sequence %d, step %d: the answer was not lost: %v", seq, step, err)
			case losing:
				lost++
			case err != nil || resp.StatusCode != http.StatusOK:
				t.Fatalf("sequence %d, step %d: locked out of %s: %v, %s", seq, step, path, err, data)
			case path == "/registry/token/rotate":
				var out wire.Token
				decodeJSON(t, data, &out)
				handedOut.Store(out.Token, true)
				token = out.Token
				rotated++
			}
		}
	}
	made := n.srv.registry.Stats().Rotated.Load()
	t.Logf("%d answers lost; %d tokens made, of which %d arrived", lost, made, rotated)
	if lost < 200 || made <= uint64(rotated) {
		t.Error("too few answers were lost on their way back")
	}
}

func decodeJSON(t *testing.T, data []byte, out any) {
	t.Helper()
	if err := json.Unmarshal(data, out); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
}

func marshalJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
