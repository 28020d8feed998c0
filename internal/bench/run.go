package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/roster-sd/roster/internal/bench/machine"
)

// Run measures what the options ask for, writes the report to stdout and to the JSON
// file, and tells on stderr what it is doing. It fails if anything could not be
// measured, and reports what it has by then; a goal that is missed is no failure, nor a
// backend that is not there and was not asked for by name.
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
			Machine: machine.Read(), SliceMillis: o.Slice.Milliseconds(),
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
	dir      string // of children's files
	data     string // of the data of backends
	bin      binaries
	present  []string // backends that can be started
	certs    *Certificates
	progress *printer
	report   *Report
}

// all measures everything, one backend after the other.
func (r *runner) all(ctx context.Context) (err error) {
	if r.bin, err = build(ctx, r.dir, r.options, r.progress); err != nil {
		return err
	}
	if err := r.find(ctx); err != nil {
		return err
	}
	if r.options.Starts > 0 {
		r.progress.printf("timing %d starts of roster dev\n", r.options.Starts)
		if r.report.Start, err = timeStarts(ctx, r.dir, r.bin.roster, r.options.Starts); err != nil {
			return err
		}
	}
	if err := r.cold(ctx); err != nil {
		return err
	}
	if len(r.present) > 0 {
		if err := r.makeData(); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(r.data) }() // a folder left behind is no reason to fail
	}
	for _, backend := range r.options.backends() {
		if backend != BackendMemory && !slices.Contains(r.present, backend) {
			continue
		}
		for _, protocol := range r.options.Protocols {
			if err := r.stage(ctx, backend, protocol); err != nil {
				return fmt.Errorf("measure %s over %s: %w", backend, protocol, err)
			}
		}
		if err := r.crowd(ctx, backend); err != nil {
			return fmt.Errorf("measure %s with a crowd: %w", backend, err)
		}
	}
	return nil
}

// makeData makes the folder for the data of backends, and times its disk.
func (r *runner) makeData() (err error) {
	if r.options.Data != "" {
		if err := os.MkdirAll(r.options.Data, 0o755); err != nil {
			return fmt.Errorf("make data folder: %w", err)
		}
	}
	if r.data, err = os.MkdirTemp(r.options.Data, "bench-data-"); err == nil {
		r.data, err = filepath.Abs(r.data) // children run in folders of their own
	}
	if err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	r.report.Disk = &Disk{Folder: r.options.Data}
	r.report.Disk.SyncMicros, err = timeSync(r.data)
	return err
}

// publish writes the report, if there is anything to tell.
func (r *runner) publish(stdout io.Writer) error {
	r.report.Rows, r.report.Evictions = summarise(r.report.Slices), summariseWaves(r.report.Waves)
	if len(r.report.Slices) == 0 && len(r.report.Waves) == 0 && r.report.Start == nil && r.report.Cold == nil {
		return nil
	}
	err := r.report.WriteText(stdout)
	if r.options.JSON != "" {
		err = errors.Join(err, r.report.WriteJSON(r.options.JSON))
	}
	return err
}
