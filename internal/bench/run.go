package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Run measures what the options ask for, writes the report to stdout and to the JSON
// file, and tells on stderr what it is doing. It fails if anything could not be
// measured, and reports what it has by then; a goal that is missed is no failure.
func Run(ctx context.Context, o Options, stdout, stderr io.Writer) error {
	if err := o.validate(); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	dir, err := os.MkdirTemp("", "rosterbench-")
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder left behind is no reason to fail
	r := &runner{
		options: o, dir: dir, progress: &printer{w: stderr},
		report: &Report{
			Machine: readMachine(), SliceMillis: o.Slice.Milliseconds(),
			Connections: o.Connections, Disturbance: o.Disturbance,
		},
	}
	err = r.all(ctx)
	if ctx.Err() != nil { // the terminal's interrupt reaches the children too, and they end
		err = fmt.Errorf("run: interrupted: %w", ctx.Err())
	}
	return errors.Join(err, r.publish(stdout))
}

// runner is a run under way.
type runner struct {
	options  Options
	dir      string
	bin      binaries
	progress *printer
	report   *Report
}

// all measures everything.
func (r *runner) all(ctx context.Context) (err error) {
	if r.bin, err = build(ctx, r.dir, r.options, r.progress); err != nil {
		return err
	}
	if r.options.Starts > 0 {
		r.progress.printf("timing %d starts of roster dev\n", r.options.Starts)
		if r.report.Start, err = timeStarts(ctx, r.dir, r.bin.roster, r.options.Starts); err != nil {
			return err
		}
	}
	for _, protocol := range r.options.Protocols {
		if err := r.protocol(ctx, protocol); err != nil {
			return fmt.Errorf("measure over %s: %w", protocol, err)
		}
	}
	return nil
}

// publish writes the report, if there is anything to tell.
func (r *runner) publish(stdout io.Writer) error {
	r.report.Rows = summarise(r.report.Slices)
	if len(r.report.Slices) == 0 && r.report.Start == nil {
		return nil
	}
	err := r.report.WriteText(stdout)
	if r.options.JSON != "" {
		err = errors.Join(err, r.report.WriteJSON(r.options.JSON))
	}
	return err
}

// protocol starts both servers, measures the cases over a protocol, and stops them.
func (r *runner) protocol(ctx context.Context, protocol string) (err error) {
	dir := filepath.Join(r.dir, protocol)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	var certs *Certificates
	if protocol == ProtocolMTLS {
		if certs, err = issueCertificates(dir); err != nil {
			return err
		}
	}
	roster, err := startRoster(ctx, dir, r.bin.roster, certs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, roster.Stop()) }()

	match := &match{runner: r, protocol: protocol, roster: roster}
	sizes, err := match.prepare(ctx)
	if err != nil {
		return err
	}
	if match.bare, err = startBare(ctx, dir, r.bin.bare, sizes, certs); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, match.bare.Stop()) }()
	r.report.Servers = append(r.report.Servers, match.bare.Settings, roster.Settings)
	for i := range match.cases {
		if err := match.play(ctx, &match.cases[i]); err != nil {
			return err
		}
	}
	return nil
}
