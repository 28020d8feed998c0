package bench

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/roster-sd/roster/wire"
)

// TestMain runs the tests, or, called as the harness calls roster, the fake of it.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && (os.Args[1] == "dev" || os.Args[1] == "serve") {
		if err := fakeMain(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// fakeMain is `roster dev --port N` or `roster serve --config FILE [--insecure]`, as far as
// the harness uses them. It needs a backend to be there, and puts nothing into it.
func fakeMain(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	address, certs := net.JoinHostPort("127.0.0.1", args[2]), (*Certificates)(nil)
	insecure := len(args) > 3 && args[3] == "--insecure"
	if args[0] == "serve" {
		config, err := os.ReadFile(args[2])
		if err != nil {
			return err
		}
		value := func(key string) string {
			if m := regexp.MustCompile(`(?m)^ *` + key + `: "(.*)"$`).FindSubmatch(config); m != nil {
				return string(m[1])
			}
			return ""
		}
		address = value("listen")
		if backend := regexp.MustCompile(`(?m)^(?:    addresses|    endpoints): \["(?:http://)?(.*)"\]$`).FindSubmatch(config); backend != nil {
			conn, err := net.Dial("tcp", string(backend[1]))
			if err != nil {
				return err
			}
			conn.Close()
		}
		certs = &Certificates{CA: value("client_ca_file"), ServerCert: value("cert_file"), ServerKey: value("key_file")}
	}
	if insecure {
		certs = nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	if certs != nil {
		config, err := fakeTLS(certs)
		if err != nil {
			return err
		}
		listener = tls.NewListener(listener, config)
	}
	server := &http.Server{Handler: newFake()}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func fakeTLS(c *Certificates) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.ServerCert, c.ServerKey)
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}, nil
}

// fake answers the part of the API that the harness uses, from a map.
type fake struct {
	*http.ServeMux
	mu       sync.Mutex
	services map[string][]wire.Instance
	turn     int
	early    time.Duration // by which instances leave before their deadline
}

func newFake() *fake {
	f := &fake{ServeMux: http.NewServeMux(), services: map[string][]wire.Instance{}}
	f.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, wire.Health{Status: "ok"}) })
	f.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, wire.Health{Status: "ok"}) })
	f.HandleFunc("GET /registry/watch", f.watch)
	f.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "# TYPE go_gc_gogc_percent gauge\ngo_gc_gogc_percent 400\ngo_gc_gomemlimit_bytes 9.223372036854776e+18\ngo_sched_gomaxprocs_threads 2\n")
	})
	f.HandleFunc("POST /registry/register", f.register)
	f.HandleFunc("POST /registry/heartbeat", f.heartbeat)
	f.HandleFunc("POST /registry/heartbeats", f.heartbeats)
	f.HandleFunc("GET /registry/resolve/{service}", f.resolve)
	f.HandleFunc("GET /registry/services/{service}", f.list)
	return f
}

func answer(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(data)
}

func token(service, id string) string { return "token of " + service + " " + id }

func (f *fake) register(w http.ResponseWriter, r *http.Request) {
	var in wire.Registration
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		answer(w, 400, wire.Problem{Code: wire.CodeInvalid, Detail: err.Error()})
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	out := wire.Instance{
		ServiceName: in.ServiceName, InstanceID: in.InstanceID, Address: in.Address, Port: in.Port, Weight: 100,
		Status: "up", Health: "passing", TTL: *in.TTL, RegisteredAt: 1, Revision: fmt.Sprintf("e.%d", f.turn), LastHeartbeat: time.Now().UnixMilli(),
	}
	f.turn++
	f.services[in.ServiceName] = append(f.services[in.ServiceName], out)
	answer(w, 201, wire.Registered{Instance: out, Token: token(in.ServiceName, in.InstanceID), TTL: *in.TTL})
}

// size is how many instances a service has.
func (f *fake) size(service string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.services[service])
}

func (f *fake) alive(service, id, given string) wire.HeartbeatResult {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.services[service] {
		if in := &f.services[service][i]; in.InstanceID == id && given == token(service, id) {
			in.LastHeartbeat = time.Now().UnixMilli()
			return wire.HeartbeatResult{Status: 200, TTL: in.TTL}
		}
	}
	return wire.HeartbeatResult{Status: 401, Code: wire.CodeUnauthenticated}
}

func (f *fake) heartbeat(w http.ResponseWriter, r *http.Request) {
	var in wire.InstanceRef
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		answer(w, 400, wire.Problem{Code: wire.CodeInvalid})
		return
	}
	if res := f.alive(in.ServiceName, in.InstanceID, r.Header.Get(wire.HeaderToken)); res.Status != 200 {
		answer(w, res.Status, wire.Problem{Code: res.Code})
	} else {
		answer(w, 200, wire.Heartbeat{TTL: res.TTL})
	}
}

func (f *fake) heartbeats(w http.ResponseWriter, r *http.Request) {
	var in wire.Heartbeats
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		answer(w, 400, wire.Problem{Code: wire.CodeInvalid})
		return
	}
	var out wire.HeartbeatResults
	for _, item := range in.Items {
		out.Results = append(out.Results, f.alive(item.ServiceName, item.InstanceID, item.Token))
	}
	answer(w, 200, out)
}

func (f *fake) resolve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	members := f.services[r.PathValue("service")]
	f.turn++
	turn := f.turn
	f.mu.Unlock()
	if len(members) == 0 {
		answer(w, 404, wire.Problem{Code: wire.CodeNotFound})
		return
	}
	answer(w, 200, members[turn%len(members)])
}

func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := r.PathValue("service")
	answer(w, 200, wire.Service{Revision: "e.1", ServiceName: name, Instances: f.services[name]})
}

// watch sends a snapshot, one part of which is longer than a reader's buffer, and then tells
// of registrations it did not see, and of the ends of instances.
func (f *fake) watch(w http.ResponseWriter, r *http.Request) {
	flush := http.NewResponseController(w).Flush
	fmt.Fprintf(w, ": hello\n\nevent: snapshot\ndata: {\"part\":1,\"instances\":[\"%s\"],\"last\":false}\n\n", strings.Repeat("x", 200<<10))
	fmt.Fprint(w, "event: snapshot\ndata: {\"part\":2,\"instances\":[],\"last\":true}\nid: e.1\n\n")
	if err := flush(); err != nil {
		return
	}
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
		for _, in := range f.expire() {
			data, err := json.Marshal(wire.Deleted{ServiceName: in.ServiceName, InstanceID: in.InstanceID, Revision: "e.2", Reason: "expired"})
			if err != nil {
				panic(err)
			}
			fmt.Fprintf(w, "event: put\ndata: {}\n\nevent: delete\ndata: %s\nid: e.2\n\n", data)
		}
		if err := flush(); err != nil {
			return
		}
	}
}

// expire takes out what is past its deadline.
func (f *fake) expire() (gone []wire.Instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now().Add(f.early).UnixMilli()
	for name, members := range f.services {
		f.services[name] = slices.DeleteFunc(members, func(in wire.Instance) bool {
			if in.LastHeartbeat+in.TTL >= now { // whole milliseconds: never early
				return false
			}
			gone = append(gone, in)
			return true
		})
	}
	return gone
}
