//go:build unix

package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/internal/freeport"
)

// machine runs the services of a compose file as processes. What a container has to itself,
// its volumes, name and ports, they get from it: folders and free ports of loopback.
type machine struct {
	t       *testing.T
	project *types.Project
	world   *world
	volumes map[string]string         // folder of each volume
	ports   map[string]map[int]string // address of each service's ports
	servers map[string]*process
	etcdctl string
}

// containerPorts are the ports that the images listen on by default.
var containerPorts = []int{8443, 8444, 6379, 2379, 2380}

func newMachine(t *testing.T, p *types.Project) *machine {
	t.Helper()
	m := &machine{t: t, project: p, world: newWorld(t), volumes: map[string]string{},
		ports: map[string]map[int]string{}, servers: map[string]*process{}}
	for name := range p.Volumes {
		m.volumes[name] = filepath.Join(m.world.temp, "volume-"+name)
		if err := os.Mkdir(m.volumes[name], 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name := range p.Services {
		m.ports[name] = map[int]string{}
		for _, port := range containerPorts {
			m.ports[name][port] = freeAddress(t)
		}
	}
	return m
}

// freeAddress gives an address of loopback on which nobody listens now.
func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	return "127.0.0.1:" + strconv.Itoa(port)
}

// up starts the services in the order of their dependencies, each when those that it
// waits for are as it wants them.
func (m *machine) up(ctx context.Context) {
	m.t.Helper()
	began := map[string]bool{}
	var start func(name string)
	start = func(name string) {
		if began[name] {
			return
		}
		began[name] = true
		svc := m.project.Services[name]
		for _, on := range slices.Sorted(maps.Keys(svc.DependsOn)) {
			start(on)
			if m.project.Services[on].Restart != "no" {
				m.awaitHealth(ctx, on)
			}
		}
		p := m.process(svc, svc.Command)
		p.begin()
		if svc.Restart != "no" {
			m.servers[name] = p
			return
		}
		if code := p.wait(); code != 0 {
			m.t.Fatalf("%s: exit status %d: %s", name, code, &p.err)
		}
	}
	names := slices.Sorted(maps.Keys(m.project.Services))
	for _, name := range names {
		start(name)
	}
	for _, name := range names {
		if m.project.Services[name].Restart != "no" {
			m.awaitHealth(ctx, name)
		}
	}
	// A second "up" finds the certificates and makes none.
	for _, name := range names {
		if svc := m.project.Services[name]; svc.Restart == "no" {
			p := m.process(svc, svc.Command)
			p.begin()
			if code := p.wait(); code != 0 || !strings.Contains(p.err.String(), "nothing to do") {
				m.t.Errorf("%s again: exit status %d: %s", name, code, &p.err)
			}
		}
	}
}

func (m *machine) awaitHealth(ctx context.Context, name string) {
	m.t.Helper()
	svc := m.project.Services[name]
	if svc.HealthCheck.Test[0] != "CMD" {
		m.t.Fatalf("%s: health check %q needs a shell", name, svc.HealthCheck.Test)
	}
	for {
		p := m.process(svc, svc.HealthCheck.Test[1:])
		err := p.cmd.Run()
		if err == nil {
			return
		}
		if server := m.servers[name]; !server.running() {
			m.t.Fatalf("%s has ended: %s", name, &server.err)
		}
		select {
		case <-ctx.Done():
			m.t.Fatalf("%s does not become healthy: %v: %s%s", name, err, &p.out, &p.err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// exec runs a command of roster in the container of a service.
func (m *machine) exec(_ context.Context, name string, code int, args ...string) string {
	m.t.Helper()
	p := m.process(m.project.Services[name], append([]string{"/roster"}, args...))
	p.begin()
	if got := p.wait(); got != code {
		m.t.Fatalf("%s: roster %q: exit status %d, want %d: %s", name, args, got, code, &p.err)
	}
	return p.out.String()
}

// process makes a command of a service's image into one of this machine.
func (m *machine) process(svc types.ServiceConfig, words []string) *process {
	m.t.Helper()
	own := m.ports[svc.Name]
	here := m.translator(svc)
	args := make([]string, len(words))
	for i, w := range words {
		args[i] = here.Replace(w)
	}
	var cmd *exec.Cmd
	switch {
	case words[0] == "/roster":
		cmd = exec.Command("roster", args[1:]...)
	case strings.HasPrefix(svc.Image, "roster:"):
		cmd = exec.Command("roster", args...)
	case words[0] == "/etcdctl":
		cmd = exec.Command(m.buildEtcdctl(), args[1:]...)
	case strings.HasPrefix(svc.Image, "roster-etcd:"):
		cmd = exec.Command(etcdtest.Binary(m.t), args...)
	case words[0] == "redis-server":
		cmd = exec.Command(installed(m.t, words[0]), append(args[1:], "--bind", "127.0.0.1", "--port", port(own[6379]), "--dir", m.volumes["redis"])...)
	case words[0] == "redis-cli":
		cmd = exec.Command(installed(m.t, words[0]), append([]string{"-p", port(own[6379])}, args[1:]...)...)
	default:
		m.t.Fatalf("%s: how does one run %q without its image?", svc.Name, words)
	}
	cmd.Dir = m.world.temp
	cmd.Env = append(slices.Clone(m.world.env), "ROSTER_LISTEN="+own[8443], "ROSTER_ADMIN_LISTEN="+own[8444])
	for _, key := range slices.Sorted(maps.Keys(svc.Environment)) {
		cmd.Env = append(cmd.Env, key+"="+here.Replace(*svc.Environment[key]))
	}
	p := &process{t: m.t, cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.out, &p.err
	return p
}

// translator turns what is true in the container of a service into what is true here.
func (m *machine) translator(svc types.ServiceConfig) *strings.Replacer {
	var pairs []string
	for _, v := range svc.Volumes {
		pairs = append(pairs, v.Target, m.volumes[v.Source])
	}
	for _, number := range containerPorts {
		at, own := ":"+strconv.Itoa(number), m.ports[svc.Name][number]
		pairs = append(pairs, "0.0.0.0"+at, own, "127.0.0.1"+at, own, "localhost"+at, "localhost:"+port(own))
		for name := range m.project.Services {
			pairs = append(pairs, "//"+name+at, "//"+m.ports[name][number])
			if svc.Environment["ROSTER_STORE_REDIS_ADDRESSES"] != nil {
				pairs = append(pairs, name+at, m.ports[name][number])
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}

// installed gives the path of a program of the system; without it the test ends.
func installed(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("CI is set and %s is not installed", name)
	default:
		t.Skipf("%s is not installed", name)
	}
	return path
}

// buildEtcdctl builds the client of the image "etcd".
func (m *machine) buildEtcdctl() string {
	m.t.Helper()
	if m.etcdctl == "" {
		m.etcdctl = filepath.Join(m.world.temp, "etcdctl")
		cmd := exec.Command("go", "build", "-C", filepath.Join(root, "tools", "etcd"), "-trimpath", "-o", m.etcdctl, "go.etcd.io/etcd/etcdctl/v3")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			m.t.Fatal(fmt.Errorf("build etcdctl: %w: %s", err, out))
		}
	}
	return m.etcdctl
}
