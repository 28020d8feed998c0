package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
)

// listener is a service as people write them: a program that listens at PORT, says so, and
// says which signals it gets. Each SIGTERM and SIGINT but the first as many as STUBBORN says
// ends it, with status 7.
func listener(args []string) {
	variable := "PORT"
	if len(args) > 0 {
		variable = args[0]
	}
	var stubborn int
	if text := os.Getenv("STUBBORN"); text != "" {
		var err error
		if stubborn, err = strconv.Atoi(text); err != nil {
			fail(err)
		}
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1)
	fmt.Printf("pid %d\n", os.Getpid())
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", os.Getenv(variable)))
	if err != nil {
		fail(err)
	}
	fmt.Printf("listening at %s\n", l.Addr())
	go func() { // ends with the process
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = fmt.Fprintf(conn, "%d\n", os.Getpid())
			_ = conn.Close()
		}
	}()
	for sig := range signals {
		fmt.Printf("got %v\n", sig)
		if !slices.Contains([]os.Signal{syscall.SIGTERM, syscall.SIGINT}, sig) {
			continue
		}
		if stubborn == 0 {
			os.Exit(7)
		}
		stubborn--
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(9)
}
