package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// What zero means in [Options].
const (
	DefaultTimeout   = 10 * time.Second
	DefaultMaxBody   = 64 << 20
	DefaultUserAgent = "roster-go"
)

// Options say how to reach a registry. All members may be zero.
type Options struct {
	// Addresses are nodes of one registry, each as host:port, https://host[:port] or
	// http://host:port. Without a scheme it is https, except on loopback where no TLS
	// is configured: a registry under TLS wants a certificate from every client, so
	// only a plain one can be meant.
	//
	// Without any, the environment names them: ROSTER_ADDRESS, several separated by
	// commas, with ROSTER_CA, ROSTER_CERT and ROSTER_KEY for the files below where those
	// are empty. Without that, too, the registry is this user's local one, see Local.
	Addresses []string
	// InOrder has the first call go to the first address. Otherwise it goes to any of them, so
	// that the clients of a registry spread over its nodes. Later ones go where the last was
	// answered.
	InOrder bool
	// Local says how the local registry is found, and started where none runs.
	Local LocalOptions

	// CAFile is the bundle of root certificates that the registry's own is checked
	// against, in PEM; the system's roots if empty. It is read once.
	CAFile string
	// CertFile and KeyFile are this client's certificate and key, in PEM. They are read
	// again for every new connection, so that a renewed pair is used without a restart.
	CertFile, KeyFile string
	// TLS is used as it is, instead of the files.
	TLS *tls.Config

	// Timeout bounds each attempt at one address; the context of a call bounds all of
	// them. It does not end a watch.
	Timeout time.Duration
	// MaxBody is how many bytes of an answer are read at most, after decompression.
	MaxBody int64
	// UserAgent is sent with each call.
	UserAgent string
	// HTTPClient replaces the transport, and then excludes the TLS options. Its Timeout
	// and CheckRedirect are not used: redirects are never followed, or a token could be
	// carried to another host.
	HTTPClient *http.Client
}

// Client calls one registry. All methods may be used concurrently.
type Client struct {
	bases     []string // empty with local
	local     *local
	preferred atomic.Uint32 // index of the address that answered last
	http      *http.Client
	tls       *tls.Config // of our own transport; nil with an HTTPClient
	timeout   time.Duration
	maxBody   int64
	agent     string
}

// New checks the options and reads the files that they name. It does not connect, and
// starts nothing: the first call does.
func New(opts Options) (*Client, error) {
	c := &Client{timeout: opts.Timeout, maxBody: opts.MaxBody, agent: opts.UserAgent}
	if c.timeout <= 0 {
		c.timeout = DefaultTimeout
	}
	if c.maxBody <= 0 {
		c.maxBody = DefaultMaxBody
	}
	if c.agent == "" {
		c.agent = DefaultUserAgent
	}

	if err := opts.fromEnvironment(os.Getenv); err != nil {
		return nil, fmt.Errorf("new client: %w", err)
	}
	files := opts.CAFile != "" || opts.CertFile != "" || opts.KeyFile != ""
	secured := files || opts.TLS != nil
	if len(opts.Addresses) == 0 {
		c.local = newLocal(opts.Local)
	}
	for _, address := range opts.Addresses {
		base, err := parseAddress(address, secured)
		if err != nil {
			return nil, fmt.Errorf("new client: %w", err)
		}
		c.bases = append(c.bases, base)
	}

	if n := len(c.bases); n > 1 && !opts.InOrder {
		c.preferred.Store(rand.Uint32N(uint32(n)))
	}

	switch {
	case opts.TLS != nil && files:
		return nil, errors.New("new client: give TLS or the files, not both")
	case opts.HTTPClient != nil && secured:
		return nil, errors.New("new client: an HTTPClient brings its own TLS; leave TLS and the files out")
	case opts.HTTPClient != nil:
		own := *opts.HTTPClient
		c.http = &own
	default:
		config := opts.TLS
		if config == nil {
			var err error
			if config, err = tlsFromFiles(opts.CAFile, opts.CertFile, opts.KeyFile); err != nil {
				return nil, fmt.Errorf("new client: %w", err)
			}
		}
		c.http, c.tls = &http.Client{Transport: newTransport(config)}, config
	}
	c.http.Timeout = 0
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// Addresses gives the base URLs that the client calls, in the order they were given. Of a
// local registry it is where that was found last; none before the first call.
func (c *Client) Addresses() []string {
	if c.local != nil {
		return c.local.addresses()
	}
	return append([]string(nil), c.bases...)
}

// Close closes connections that are not in use. Calls and watches under way go on.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func newTransport(config *tls.Config) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = config
	t.MaxIdleConnsPerHost = 16
	// A connection whose other end is gone without a word must not swallow calls.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second}
	return t
}
