package bench

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The names of the two servers in reports.
const (
	ServerRoster = "roster"
	ServerBare   = "bare gin"
)

// Server is a child process that is measured.
type Server struct {
	*Child
	Target   Target
	API      *API // nil for the bare server
	Settings Settings
}

// Settings is how a server's Go runtime is set, in the words of its environment
// variables; "unknown" where the server does not tell.
type Settings struct {
	Server     string `json:"server"`
	Protocol   string `json:"protocol"`
	GOGC       string `json:"gogc"`
	GOMEMLIMIT string `json:"gomemlimit"`
	GOMAXPROCS string `json:"gomaxprocs"`
}

// startRoster starts Roster with the memory backend: `roster dev` for plain HTTP,
// `roster serve` for mutual TLS. certs is nil for plain HTTP.
func startRoster(ctx context.Context, dir, binary string, certs *Certificates) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	args := []string{"dev", "--port", strconv.Itoa(port)}
	s := &Server{
		Target:   Target{Name: ServerRoster, Address: address},
		API:      newAPI("http://"+address, nil),
		Settings: Settings{Server: ServerRoster, Protocol: ProtocolHTTP},
	}
	metrics := s.API
	if certs != nil {
		if s.Target.TLS, err = certs.Client(); err != nil {
			return nil, err
		}
		admin, err := freePort()
		if err != nil {
			return nil, err
		}
		config := filepath.Join(dir, "roster.yaml")
		if err := os.WriteFile(config, serveConfig(port, admin, certs), 0o600); err != nil {
			return nil, fmt.Errorf("start roster: %w", err)
		}
		args = []string{"serve", "--config", config}
		s.API = newAPI("https://"+address, s.Target.TLS)
		metrics = newAPI("http://"+net.JoinHostPort("127.0.0.1", strconv.Itoa(admin)), nil)
		s.Settings.Protocol = ProtocolMTLS
	}
	if s.Child, err = startChild(dir, nil, binary, args...); err != nil {
		return nil, err
	}
	s.Target.PID = s.PID()
	if err := s.await(ctx, 5*time.Millisecond, s.API.healthy); err != nil {
		_ = s.Stop() // if it died, err says so
		return nil, err
	}
	s.Settings.fromMetrics(ctx, metrics)
	return s, nil
}

// serveConfig is the configuration of `roster serve`: what it cannot do without, so
// that what is measured is what users get.
func serveConfig(port, admin int, certs *Certificates) []byte {
	return fmt.Appendf(nil, `listen: "127.0.0.1:%d"
admin:
  listen: "127.0.0.1:%d"
tls:
  cert_file: %q
  key_file: %q
  client_ca_file: %q
store:
  backend: memory
`, port, admin, certs.ServerCert, certs.ServerKey, certs.CA)
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
	s.Child, err = startChild(dir, w, binary, args...)
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
	if err := r.SetReadDeadline(time.Now().Add(readyWithin)); err != nil {
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
	s.Settings.set(said.GOGC.String(), said.GOMEMLIMIT.String(), said.GOMAXPROCS.String())
	return nil
}

func newAPI(base string, config *tls.Config) *API {
	return &API{Base: base, HTTP: &http.Client{
		Timeout:   2 * patience,
		Transport: &http.Transport{TLSClientConfig: config, MaxIdleConnsPerHost: 16},
	}}
}

// healthy asks whether the server answers.
func (a *API) healthy(ctx context.Context) error {
	_, err := a.get(ctx, "/health")
	return err
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
