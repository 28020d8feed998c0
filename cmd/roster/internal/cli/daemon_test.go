package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/roster-sd/roster/internal/devfile"
)

// daemonVariable makes this binary a local registry: it names the directory of the
// discovery file. A value that begins with "deaf:" is one that no signal stops.
const daemonVariable = "ROSTER_TEST_DAEMON"

func daemon(dir string) {
	deaf := len(dir) > 5 && dir[:5] == "deaf:"
	if deaf {
		dir = dir[5:]
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	lock, err := devfile.Acquire(ctx, dir)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	path, err := devfile.Write(dir, devfile.Info{Host: "127.0.0.1", Port: 1, PID: os.Getpid()})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	<-ctx.Done()
	if deaf {
		select {}
	}
	_ = devfile.Remove(path, os.Getpid())
	_ = lock.Close()
}
