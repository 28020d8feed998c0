// Baregin is the server that Roster is measured against: Gin without middleware, whose
// GET and POST of /bare/N/ and whatever follows answer a fixed JSON body of N bytes. POST
// first decodes a body like that of a heartbeat. It prints one line of JSON when it listens.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "baregin:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	fs := flag.NewFlagSet("baregin", flag.ContinueOnError)
	sizes := fs.String("sizes", "", "comma-separated sizes of bodies, in bytes")
	cert := fs.String("cert", "", "server certificate; with it, mutual TLS 1.3")
	key := fs.String("key", "", "key of the certificate")
	ca := fs.String("ca", "", "CA of the clients")
	if err := fs.Parse(args); err != nil {
		return err
	}
	bodies, err := makeBodies(*sizes)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	address := listener.Addr().String()
	if *cert != "" {
		config, err := mutual(*cert, *key, *ca)
		if err != nil {
			listener.Close()
			return err
		}
		listener = tls.NewListener(listener, config)
	}
	if err := announce(stdout, address); err != nil {
		listener.Close()
		return err
	}
	return serve(ctx, listener, engine(bodies))
}

// serve answers until ctx ends.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{Handler: handler}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		stopped <- server.Shutdown(ctx)
	}()
	err := server.Serve(listener)
	cancel()
	if <-stopped != nil {
		server.Close() // connections of a load that did not end
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// heartbeat has the shape of the body of POST /registry/heartbeat.
type heartbeat struct {
	ServiceName string `json:"serviceName"`
	InstanceID  string `json:"instanceId"`
}

func engine(bodies map[string][]byte) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	answer := func(c *gin.Context) {
		body, ok := bodies[c.Param("n")]
		if !ok {
			c.Status(http.StatusNotFound)
			return
		}
		c.Data(http.StatusOK, "application/json", body)
	}
	e.GET("/bare/:n/*rest", answer)
	e.POST("/bare/:n/*rest", func(c *gin.Context) {
		var beat heartbeat
		if err := c.ShouldBindJSON(&beat); err != nil || beat.InstanceID == "" {
			c.Status(http.StatusBadRequest)
			return
		}
		answer(c)
	})
	return e
}

// makeBodies makes a JSON object of each size in list, under its size in decimal.
func makeBodies(list string) (map[string][]byte, error) {
	const head, tail = `{"pad":"`, `"}`
	bodies := map[string][]byte{}
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < len(head)+len(tail) || n > 64<<20 {
			return nil, fmt.Errorf("make bodies: size %q: want %d bytes to 64 MiB", word, len(head)+len(tail))
		}
		bodies[strconv.Itoa(n)] = []byte(head + strings.Repeat("x", n-len(head)-len(tail)) + tail)
	}
	return bodies, nil
}

// mutual is TLS 1.3 that asks every client for a certificate of the CA, without session
// tickets, as Roster has it.
func mutual(cert, key, ca string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("load certificate: %w", err)
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("load CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("load CA: no certificate in %s", ca)
	}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{pair},
		ClientAuth:             tls.RequireAndVerifyClientCert,
		ClientCAs:              pool,
		SessionTicketsDisabled: true,
	}, nil
}

// announce prints where the server listens and how its Go runtime is set.
func announce(w io.Writer, address string) error {
	settings := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/gomemlimit:bytes"}, {Name: "/sched/gomaxprocs:threads"}}
	metrics.Read(settings)
	return json.NewEncoder(w).Encode(struct {
		Address    string `json:"address"`
		GOGC       uint64 `json:"gogc"`
		GOMEMLIMIT uint64 `json:"gomemlimit"`
		GOMAXPROCS uint64 `json:"gomaxprocs"`
	}{address, settings[0].Value.Uint64(), settings[1].Value.Uint64(), settings[2].Value.Uint64()})
}
