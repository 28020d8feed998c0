package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/roster-sd/roster/internal/bench/child"
	"github.com/roster-sd/roster/internal/freeport"
)

// buildEtcd gives the path of the etcd that tools/etcd pins, which it builds into dir, or
// of the one given.
func buildEtcd(ctx context.Context, dir, given string, progress *printer) (string, error) {
	if given != "" {
		path, err := exec.LookPath(given)
		if err != nil {
			return "", err
		}
		return filepath.Abs(path) // children run in folders of their own
	}
	progress.printf("building etcd\n")
	path := filepath.Join(dir, "etcd")
	cmd := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join("tools", "etcd"), "-trimpath", "-ldflags=-s -w", "-o", path, "go.etcd.io/etcd/server/v3")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build etcd: %w: %s", err, strings.Join(strings.Fields(string(out)), " "))
	}
	return path, nil
}

// startEtcd starts a cluster of one member, with its data under dir and the defaults of
// etcd but for what docker-compose.yml says.
func startEtcd(ctx context.Context, dir, binary string) (*Backend, error) {
	client, err := freeport.Take()
	if err != nil {
		return nil, err
	}
	peer, err := freeport.Take()
	if err != nil {
		return nil, err
	}
	address, peers := net.JoinHostPort("127.0.0.1", strconv.Itoa(client)), "http://"+net.JoinHostPort("127.0.0.1", strconv.Itoa(peer))
	b := &Backend{Name: BackendEtcd, Address: address}
	endpoint := "http://" + address
	b.Store = fmt.Sprintf("  backend: etcd\n  etcd:\n    endpoints: [%q]\n", endpoint)
	b.Child, err = child.Start(dir, nil, binary, "--name=bench", "--data-dir="+filepath.Join(dir, "data"),
		"--listen-client-urls="+endpoint, "--advertise-client-urls="+endpoint,
		"--listen-peer-urls="+peers, "--initial-advertise-peer-urls="+peers, "--initial-cluster=bench="+peers,
		"--auto-compaction-mode=periodic", "--auto-compaction-retention=1h", "--log-level=warn")
	if err != nil {
		return nil, err
	}
	api := newAPI(endpoint, nil)
	defer api.HTTP.CloseIdleConnections()
	err = b.Await(ctx, 20*time.Millisecond, func(ctx context.Context) error { return healthyEtcd(ctx, api) })
	if err == nil {
		b.About, err = aboutEtcd(ctx, api)
	}
	if err != nil {
		_ = b.Stop() // if it died, err says so
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	b.writes = func(size int) (work, string) {
		return &etcdWrites{endpoint: endpoint, value: strings.Repeat("v", size)},
			fmt.Sprintf("LeaseGrant, then a transaction that puts a value of %d bytes under the lease", size)
	}
	b.stored = func(ctx context.Context, text string) (int, error) { return storedInEtcd(ctx, endpoint, text) }
	return b, nil
}

// healthyEtcd asks whether an etcd can accept a write.
func healthyEtcd(ctx context.Context, api *API) error {
	text, err := api.get(ctx, "/health")
	if err != nil {
		return err
	}
	var said struct {
		Health string `json:"health"`
	}
	if err := json.Unmarshal(text, &said); err != nil || said.Health != "true" {
		return fmt.Errorf("health: %s", text)
	}
	return nil
}

func aboutEtcd(ctx context.Context, api *API) (About, error) {
	text, err := api.get(ctx, "/version")
	if err != nil {
		return About{}, fmt.Errorf("ask etcd: %w", err)
	}
	var said struct {
		Version string `json:"etcdserver"`
	}
	if err := json.Unmarshal(text, &said); err != nil || said.Version == "" {
		return About{}, fmt.Errorf("ask etcd: version: %s", text)
	}
	return About{
		Backend: BackendEtcd, Version: said.Version,
		Settings: "one member, every write waits for fsync as by default, auto-compaction of 1h",
	}, nil
}

// etcdWrites is what a registration cannot do without: a lease, and then a transaction that
// puts the record under it. Each connection has one such pair under way.
type etcdWrites struct {
	endpoint, value string
	numbers         atomic.Int64
}

// etcdLine is a connection to etcd. Its context is that of the slice.
type etcdLine struct {
	*etcdWrites
	ctx    context.Context
	client *clientv3.Client
}

func dialEtcd(ctx context.Context, endpoint string) (*clientv3.Client, error) {
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{endpoint}, DialTimeout: patience, Context: ctx, Logger: zap.NewNop(),
	})
	if err != nil {
		return nil, fmt.Errorf("dial etcd: %w", err)
	}
	return client, nil
}

// storedInEtcd is how long the longest value is whose key has a text in it. It reads all.
func storedInEtcd(ctx context.Context, endpoint, text string) (int, error) {
	client, err := dialEtcd(ctx, endpoint)
	if err != nil {
		return 0, err
	}
	defer func() { _ = client.Close() }() // it was only read from
	all, err := client.Get(ctx, "\x00", clientv3.WithFromKey())
	if err != nil {
		return 0, fmt.Errorf("read etcd: %w", err)
	}
	longest := 0
	for _, kv := range all.Kvs {
		if bytes.Contains(kv.Key, []byte(text)) {
			longest = max(longest, len(kv.Value))
		}
	}
	return longest, nil
}

func (w *etcdWrites) open(ctx context.Context, _ Target, _, _ int) (line, error) {
	client, err := dialEtcd(ctx, w.endpoint)
	if err != nil {
		return nil, err
	}
	if _, err := client.Get(ctx, "bench"); err != nil { // connects
		_ = client.Close() // the other error says more
		return nil, fmt.Errorf("dial etcd: %w", err)
	}
	return &etcdLine{w, ctx, client}, nil
}

func (l *etcdLine) exchange() error {
	lease, err := l.client.Grant(l.ctx, int64(recordTTL/time.Second))
	if err != nil {
		return fmt.Errorf("grant lease: %w", err)
	}
	key := fmt.Sprintf("/bench/%0*d", numberDigits, l.numbers.Add(1))
	done, err := l.client.Txn(l.ctx).
		If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, l.value, clientv3.WithLease(lease.ID))).Commit()
	switch {
	case err != nil:
		return fmt.Errorf("put: %w", err)
	case !done.Succeeded:
		return fmt.Errorf("put: %w: %s is there already", errWrongAnswer, key)
	}
	return nil
}

func (l *etcdLine) hangUp() { _ = l.client.Close() } // nothing is under way on it
