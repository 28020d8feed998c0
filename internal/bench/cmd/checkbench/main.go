//go:build unix

// Checkbench runs a schedule with many targets on this machine and prints how punctual it is and
// what it costs. The targets are served by a process of their own, over TCP, HTTP and gRPC.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/roster-sd/roster/check"
	"github.com/roster-sd/roster/store"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

type settings struct {
	targets, hang  int
	interval, long time.Duration
	pause          time.Duration
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("checkbench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var set settings
	flags.IntVar(&set.targets, "targets", 50000, "how many targets: six in ten HTTP, three TCP, one gRPC")
	flags.IntVar(&set.hang, "hang", 0, "how many of them hang")
	flags.DurationVar(&set.interval, "interval", 10*time.Second, "between two checks of a target")
	flags.DurationVar(&set.long, "for", 40*time.Second, "how long to measure, after one interval to begin with")
	flags.DurationVar(&set.pause, "pause", 0, "stop this process for so long afterwards, and see what follows")
	served := flags.Bool("serve", false, "be the targets")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	job := func() error { return measure(ctx, set, stdout, stderr) }
	if *served {
		job = func() error { return serve(stdin, stdout) }
	}
	if err := job(); err != nil {
		fmt.Fprintln(stderr, "checkbench:", err)
		return 1
	}
	return 0
}

// measure runs the schedule beside its targets.
func measure(ctx context.Context, set settings, stdout, stderr io.Writer) error {
	fleet, err := start(stderr)
	if err != nil {
		return err
	}
	defer fleet.stop()
	seen := newLog(set.interval)
	prober := check.NewProber(check.ProberOptions{AllowLoopback: true})
	schedule := check.NewSchedule(check.ScheduleOptions{
		Probe: func(ctx context.Context, t check.Target) error {
			err := prober.Probe(ctx, t)
			if errors.Is(err, check.ErrUndecided) {
				seen.undecided.Add(1)
			}
			return err
		},
		Report:  func(_ context.Context, r check.Report) { seen.report(r) },
		Observe: seen.observe,
	})
	before := heap()
	for i := range set.targets {
		schedule.Set(target(i, set, fleet.ports))
	}
	each := float64(heap()-before) / float64(max(set.targets, 1))
	idle := runtime.NumGoroutine()

	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { _ = schedule.Run(ctx) }) // ends as it is told to
	defer work.Wait()
	defer cancel()
	if err := sleep(ctx, set.interval+time.Second); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d targets every %v (6 HTTP, 3 TCP, 1 gRPC in 10; %d hang), 1,000 addresses, %d processors, %s\n",
		set.targets, set.interval, set.hang, runtime.GOMAXPROCS(0), runtime.Version())
	fmt.Fprintf(stdout, "%.0f bytes a target, %d goroutines before the first check\n", each, idle)
	seen.reset()
	used := usage()
	if err := sleep(ctx, set.long); err != nil {
		return err
	}
	seen.print(stdout, set, usage()-used)
	if set.pause > 0 {
		return paused(ctx, set, fleet, seen, stdout)
	}
	return nil
}

// paused has this process stopped and counts the checks of the seconds after.
func paused(ctx context.Context, set settings, fleet *fleet, seen *log, stdout io.Writer) error {
	seen.reset()
	began := time.Now()
	if _, err := fmt.Fprintln(fleet.to, set.pause); err != nil {
		return err
	}
	// This process is stopped some time from here on.
	for time.Since(began) < set.pause {
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	if err := sleep(ctx, 2*set.interval); err != nil {
		return err
	}
	most, mean := seen.seconds(began.Add(set.pause), 2*set.interval)
	fmt.Fprintf(stdout, "after a pause of %v: at most %d checks in a second, %.0f on average, %d failing verdicts\n",
		set.pause, most, mean, seen.failing.Load())
	return nil
}

// target is the i-th of the targets.
func target(i int, set settings, ports ports) check.Target {
	c := store.Check{Interval: set.interval, Timeout: 2 * time.Second, Failures: 3, Successes: 2}
	port := ports.HTTP
	switch {
	case i%10 == 0:
		c.Type, port = store.CheckGRPC, ports.GRPC
	case i%10 < 4:
		c.Type, port = store.CheckTCP, ports.HTTP
	default:
		c.Type, c.Path = store.CheckHTTP, "/healthz"
	}
	if i < set.hang {
		c.Type, c.Path, port = store.CheckHTTP, "/", ports.Silent
	}
	n := i % 1000
	return check.Target{
		Key: store.InstanceKey("bench", fmt.Sprint(i)), Generation: 1, Port: port, Check: c,
		Address: fmt.Sprintf("127.1.%d.%d", n/250, 1+n%250),
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// heap gives the bytes in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// usage gives the processor time of this process.
func usage() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fleet is the process that serves the targets.
type fleet struct {
	ports   ports
	to      io.WriteCloser
	process *exec.Cmd
}

func start(stderr io.Writer) (*fleet, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f := &fleet{process: exec.Command(self, "-serve")}
	f.process.Stderr = stderr
	if f.to, err = f.process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := f.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := f.process.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		_, err = fmt.Sscan(strings.TrimSpace(line), &f.ports.HTTP, &f.ports.GRPC, &f.ports.Silent)
	}
	if err != nil {
		f.stop()
		return nil, fmt.Errorf("start of the targets: %w", err)
	}
	return f, nil
}

// stop ends the process, which ends with its input.
func (f *fleet) stop() {
	f.to.Close()
	_ = f.process.Wait() // it has nothing left to say
}
