package bench

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// The protocols that the cases are driven over: HTTP/1.1 with keep-alive, in plain and
// under mutual TLS 1.3.
const (
	ProtocolHTTP = "http"
	ProtocolMTLS = "mtls"
)

// Options says what to measure and how long.
type Options struct {
	Slice       time.Duration // measured time of one slice, after its warm-up
	Rounds      int           // undisturbed rounds wanted of each case and protocol
	Connections int           // of the load, each with one request under way
	Cases       []string      // empty: all
	Backends    []string      // to measure Roster on; empty: all that can be started
	Protocols   []string      // empty: both
	JSON        string        // file for the raw slices; empty: none
	Starts      int           // starts of `roster dev` to time, and cold ones of `roster run`; 0: none
	Calm        time.Duration // longest wait for a calm machine before a round
	Disturbance float64       // per cent of the machine's CPU that others may take in a slice
	Roster      string        // binary to measure; empty: build it
	Bare        string        // binary to compare with; empty: build it
	Redis       string        // name or path of redis-server; empty: the one in PATH
	Etcd        string        // binary of etcd; empty: build it
	Data        string        // folder for the data of Redis and etcd; empty: the system's for temporary files
	Crowd       int           // instances that are registered while others are evicted
}

// ParseFlags reads the command line. Its error is flag.ErrHelp when help was asked for
// and given.
func ParseFlags(args []string, stderr io.Writer) (Options, error) {
	var o Options
	fs := flag.NewFlagSet("rosterbench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.DurationVar(&o.Slice, "slice", 1500*time.Millisecond, "measured time of one slice")
	fs.IntVar(&o.Rounds, "rounds", 5, "undisturbed rounds of each case and protocol")
	fs.IntVar(&o.Connections, "connections", 64, "connections of the load")
	cases := fs.String("cases", "", "comma-separated cases: "+strings.Join(caseNames(), ", ")+" (default all)")
	backends := fs.String("backends", "", "comma-separated backends: "+strings.Join(backendNames(), ", ")+" (default all that can be started)")
	protocols := fs.String("protocols", "", "comma-separated protocols: http, mtls (default both)")
	fs.StringVar(&o.JSON, "json", "build/bench.json", "`file` for the raw slices; empty for none")
	fs.IntVar(&o.Starts, "starts", 20, "starts of `roster dev` to time, and of `roster run` with no registry")
	fs.DurationVar(&o.Calm, "calm", 10*time.Second, "longest wait for a calm machine before a round")
	fs.Float64Var(&o.Disturbance, "disturbance", 5, "per cent of the machine's CPU that others may take in a slice before its round is thrown away")
	fs.StringVar(&o.Roster, "roster", "", "roster `binary` to measure (default: build it)")
	fs.StringVar(&o.Bare, "bare", "", "bare Gin `binary` to compare with (default: build it)")
	fs.StringVar(&o.Redis, "redis", "redis-server", "redis-server `binary`, or its name in PATH")
	fs.StringVar(&o.Etcd, "etcd", "", "etcd `binary` (default: build the one of tools/etcd)")
	fs.StringVar(&o.Data, "data", "build", "`folder` for the data of Redis and etcd, on the disk to be measured")
	fs.IntVar(&o.Crowd, "crowd", 100_000, "instances that are registered while others are evicted; an etcd holds 2000 at most")
	quick := fs.Bool("quick", false, "a rough answer: short slices, two rounds, five starts, a crowd of 10000, unless given")
	if err := fs.Parse(args); err != nil {
		return Options{}, err
	}
	if fs.NArg() > 0 {
		return Options{}, fmt.Errorf("parse flags: unexpected argument %q", fs.Arg(0))
	}
	o.Cases, o.Backends, o.Protocols = words(*cases), words(*backends), words(*protocols)
	if *quick {
		given := map[string]bool{}
		fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
		o.hurry(given)
	}
	return o, o.validate()
}

// hurry shortens what was not given.
func (o *Options) hurry(given map[string]bool) {
	if !given["slice"] {
		o.Slice = 500 * time.Millisecond
	}
	if !given["rounds"] {
		o.Rounds = 2
	}
	if !given["calm"] {
		o.Calm = time.Second
	}
	if !given["starts"] {
		o.Starts = 5
	}
	if !given["crowd"] {
		o.Crowd = 10_000
	}
}

// validate fills in what empty lists stand for and reports every problem at once.
func (o *Options) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.Slice < 10*time.Millisecond || o.Slice > time.Minute {
		bad("slice %v: want 10ms to 1m", o.Slice)
	}
	if o.Rounds < 1 {
		bad("rounds %d: want at least 1", o.Rounds)
	}
	if o.Connections < 1 || o.Connections > 10_000 {
		bad("connections %d: want 1 to 10000", o.Connections)
	}
	if o.Calm < 0 {
		bad("calm %v: want at least 0", o.Calm)
	}
	if o.Starts < 0 {
		bad("starts %d: want at least 0", o.Starts)
	}
	if o.Disturbance <= 0 {
		bad("disturbance %v: want more than 0 per cent", o.Disturbance)
	}
	if o.Crowd < 1 || o.Crowd > 1_000_000 {
		bad("crowd %d: want 1 to 1000000", o.Crowd)
	}
	for _, name := range o.Backends {
		if !slices.Contains(backendNames(), name) {
			bad("backend %q: want some of %s", name, strings.Join(backendNames(), ", "))
		}
	}
	for _, name := range o.Cases {
		if !slices.Contains(caseNames(), name) {
			bad("case %q: want some of %s", name, strings.Join(caseNames(), ", "))
		}
	}
	for _, p := range o.Protocols {
		if p != ProtocolHTTP && p != ProtocolMTLS {
			bad("protocol %q: want http or mtls", p)
		}
	}
	if len(o.Cases) == 0 {
		o.Cases = caseNames()
	}
	if len(o.Protocols) == 0 {
		o.Protocols = []string{ProtocolHTTP, ProtocolMTLS}
	}
	return errors.Join(errs...)
}

// backends gives the backends to measure, in the order of the report.
func (o *Options) backends() []string {
	return slices.DeleteFunc(backendNames(), func(name string) bool {
		return len(o.Backends) > 0 && !slices.Contains(o.Backends, name)
	})
}

// cases gives what is to be measured of a backend's cases over a protocol, in their order.
// A backend's own writes are measured once: they speak neither protocol.
func (o *Options) cases(backend, protocol string) []Case {
	return slices.DeleteFunc(Cases(backend), func(c Case) bool {
		return !slices.Contains(o.Cases, c.Name) || c.Against == serverAlone(backend) && protocol != o.Protocols[0]
	})
}

// crowded tells whether a case is to be measured that wants a crowd of instances.
func (o *Options) crowded() bool {
	return slices.Contains(o.Cases, caseEviction) || slices.Contains(o.Cases, caseBatch)
}

// wants tells whether anything is to be measured of a backend.
func (o *Options) wants(backend string) bool {
	return o.crowded() || len(o.cases(backend, o.Protocols[0])) > 0
}

func words(s string) []string {
	var out []string
	for w := range strings.SplitSeq(s, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}
