package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/roster-sd/roster/internal/bench/child"
	"github.com/roster-sd/roster/internal/freeport"
)

// The names of the servers in reports; [serverAlone] gives those of the backends.
const (
	ServerRoster = "roster"
	ServerBare   = "bare gin"
	ServerMemory = "roster, memory" // what a Roster on another backend is compared with
)

// Server is a child process that is measured.
type Server struct {
	*child.Child
	Target   Target
	API      *API // nil for the bare server
	Settings Settings
}

// setup says how a Roster is started.
type setup struct {
	dir     string
	name    string        // in reports
	certs   *Certificates // nil: plain HTTP
	dev     bool          // `roster dev` instead of `roster serve`
	backend *Backend      // nil: memory
}

// protocol tells how a server with the certificates is spoken to.
func protocol(certs *Certificates) string {
	if certs != nil {
		return ProtocolMTLS
	}
	return ProtocolHTTP
}

// startRoster starts Roster and waits until it is ready.
func startRoster(ctx context.Context, binary string, u setup) (*Server, error) {
	port, err := freeport.Take()
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	s := &Server{
		Target:   Target{Name: u.name, Address: address},
		API:      newAPI("http://"+address, nil),
		Settings: Settings{Server: u.name, Backend: BackendMemory, Protocol: protocol(u.certs)},
	}
	if u.certs != nil {
		if s.Target.TLS, err = u.certs.Client(); err != nil {
			return nil, err
		}
		s.API = newAPI("https://"+address, s.Target.TLS)
	}
	if u.backend != nil {
		s.Target.Behind, s.Settings.Backend = []int{u.backend.PID()}, u.backend.Name
	}
	args, metrics, ready := []string{"dev", "--port", strconv.Itoa(port)}, s.API, s.API.healthy
	if !u.dev {
		admin, err := freeport.Take()
		if err != nil {
			return nil, err
		}
		if args, err = serveArgs(u, port, admin); err != nil {
			return nil, err
		}
		metrics, ready = newAPI("http://"+net.JoinHostPort("127.0.0.1", strconv.Itoa(admin)), nil), s.API.ready
	}
	if s.Child, err = child.Start(u.dir, nil, binary, args...); err != nil {
		return nil, err
	}
	s.Target.PID = s.PID()
	if err := s.Await(ctx, 5*time.Millisecond, ready); err != nil {
		_ = s.Stop() // if it died, err says so
		return nil, err
	}
	s.Settings = withMetrics(ctx, s.Settings, metrics)
	return s, nil
}

// serveArgs writes the configuration of `roster serve` and gives its arguments.
func serveArgs(u setup, port, admin int) ([]string, error) {
	file := filepath.Join(u.dir, "roster.yaml")
	if err := os.WriteFile(file, serveConfig(u, port, admin), 0o600); err != nil {
		return nil, fmt.Errorf("start roster: %w", err)
	}
	args := []string{"serve", "--config", file}
	if u.certs == nil {
		args = append(args, "--insecure")
	}
	return args, nil
}

// serveConfig is the configuration of `roster serve`: what it cannot do without, so
// that what is measured is what users get.
func serveConfig(u setup, port, admin int) []byte {
	out := fmt.Appendf(nil, "listen: \"127.0.0.1:%d\"\nadmin:\n  listen: \"127.0.0.1:%d\"\n", port, admin)
	if c := u.certs; c != nil {
		out = fmt.Appendf(out, "tls:\n  cert_file: %q\n  key_file: %q\n  client_ca_file: %q\n", c.ServerCert, c.ServerKey, c.CA)
	}
	if u.backend != nil {
		return append(out, "store:\n"+u.backend.Store...)
	}
	return append(out, "store:\n  backend: memory\n"...)
}

// startBare starts the bare server with bodies of the given sizes.
func startBare(ctx context.Context, dir, binary string, sizes []int, certs *Certificates) (*Server, error) {
	args := []string{"--sizes", commaSeparated(sizes)}
	s := &Server{Target: Target{Name: ServerBare}, Settings: Settings{Server: ServerBare, Protocol: ProtocolHTTP}}
	if certs != nil {
		var err error
		if s.Target.TLS, err = certs.Client(); err != nil {
			return nil, err
		}
		s.Settings.Protocol = ProtocolMTLS
		args = append(args, "--cert", certs.ServerCert, "--key", certs.ServerKey, "--ca", certs.CA)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start bare server: %w", err)
	}
	defer r.Close()
	s.Child, err = child.Start(dir, w, binary, args...)
	w.Close() // the child has its own descriptor, and the line ends with it
	if err != nil {
		return nil, err
	}
	if err := s.listenTo(ctx, r); err != nil {
		return nil, fmt.Errorf("start bare server: %w", errors.Join(err, s.Stop()))
	}
	s.Target.PID = s.PID()
	return s, nil
}

// listenTo reads the line in which the bare server tells its address and settings.
func (s *Server) listenTo(ctx context.Context, r *os.File) error {
	stop := context.AfterFunc(ctx, func() { r.Close() })
	defer stop()
	if err := r.SetReadDeadline(time.Now().Add(child.ReadyWithin)); err != nil {
		return err
	}
	line, err := bufio.NewReader(r).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read its address: %w", err)
	}
	var said struct {
		Address                      string
		GOGC, GOMEMLIMIT, GOMAXPROCS json.Number
	}
	if err := json.Unmarshal(line, &said); err != nil {
		return fmt.Errorf("read its address: %w", err)
	}
	s.Target.Address = said.Address
	s.Settings.Set(said.GOGC.String(), said.GOMEMLIMIT.String(), said.GOMAXPROCS.String())
	return nil
}

// Stop stops the server and the client that goes with it.
func (s *Server) Stop() error {
	if s.API != nil {
		s.API.HTTP.CloseIdleConnections()
	}
	return s.Child.Stop()
}

func commaSeparated(sizes []int) string {
	var b strings.Builder
	for i, n := range sizes {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}
