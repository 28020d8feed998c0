package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/roster-sd/roster/internal/bench/child"
	"github.com/roster-sd/roster/internal/bench/rawclient"
	"github.com/roster-sd/roster/internal/freeport"
)

// startRedis starts a Redis as docker-compose.yml has it, with its data under dir.
func startRedis(ctx context.Context, dir, binary string) (*Backend, error) {
	port, err := freeport.Take()
	if err != nil {
		return nil, err
	}
	b := &Backend{Name: BackendRedis, Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	b.Store = fmt.Sprintf("  backend: redis\n  redis:\n    addresses: [%q]\n", b.Address)
	b.Child, err = child.Start(dir, nil, binary, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir,
		"--logfile", filepath.Join(dir, "redis-server.log"), "--appendonly", "yes", "--maxmemory-policy", "noeviction")
	if err != nil {
		return nil, err
	}
	client := redis.NewClient(&redis.Options{
		Addr: b.Address, Protocol: 2, DisableIdentity: true, MaxRetries: -1, PoolSize: 1,
		ReadTimeout:              patience, // FLUSHALL takes its time
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	b.close = client.Close
	err = b.Await(ctx, 5*time.Millisecond, func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", b.Address) // where nobody listens yet, the client writes a log
		if err != nil {
			return err
		}
		conn.Close()
		return client.Ping(ctx).Err()
	})
	if err == nil {
		b.About, err = aboutRedis(ctx, client)
	}
	if err != nil {
		_ = b.Stop() // if it died, err says so
		return nil, fmt.Errorf("start redis: %w", err)
	}
	b.writes = redisWrites
	b.tidy = func(ctx context.Context) error { return tidyRedis(ctx, client) }
	b.stored = func(ctx context.Context, text string) (int, error) { return storedInRedis(ctx, client, text) }
	return b, nil
}

// aboutRedis asks a Redis for its version and for what decides how it writes.
func aboutRedis(ctx context.Context, client *redis.Client) (About, error) {
	about := About{Backend: BackendRedis}
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return About{}, fmt.Errorf("ask redis: %w", err)
	}
	about.Version = infoField(info, "redis_version")
	var settings []string
	for _, key := range []string{"appendonly", "appendfsync", "save", "maxmemory-policy"} {
		got, err := client.ConfigGet(ctx, key).Result()
		if err != nil {
			return About{}, fmt.Errorf("ask redis: %w", err)
		}
		settings = append(settings, key+" "+got[key])
	}
	about.Settings = "one server, " + strings.Join(settings, ", ")
	return about, nil
}

// storedInRedis is how long the longest string is whose key has a text in it.
func storedInRedis(ctx context.Context, client *redis.Client, text string) (int, error) {
	longest := 0
	for keys := client.ScanType(ctx, 0, "*"+text+"*", 1000, "string").Iterator(); ; {
		if !keys.Next(ctx) {
			if err := keys.Err(); err != nil {
				return 0, fmt.Errorf("scan redis: %w", err)
			}
			return longest, nil
		}
		n, err := client.StrLen(ctx, keys.Val()).Result()
		if err != nil {
			return 0, fmt.Errorf("scan redis: %w", err)
		}
		longest = max(longest, int(n))
	}
}

// errRestless says that a Redis goes on writing its data to files.
var errRestless = errors.New("redis does not stop writing its data")

// tidyRedis empties a Redis and waits until no child of it writes data.
func tidyRedis(ctx context.Context, client *redis.Client) error {
	if err := client.FlushAll(ctx).Err(); err != nil {
		return fmt.Errorf("empty redis: %w", err)
	}
	for end := time.Now().Add(2 * patience); ; {
		info, err := client.Info(ctx, "persistence").Result()
		if err != nil {
			return fmt.Errorf("empty redis: %w", err)
		}
		busy := infoField(info, "rdb_bgsave_in_progress") + infoField(info, "aof_rewrite_in_progress") + infoField(info, "aof_rewrite_scheduled")
		if strings.Trim(busy, "0") == "" {
			return nil
		}
		if time.Now().After(end) {
			return errRestless
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// infoField gives one value of an answer to INFO; empty if it is not there.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), ":"); key == name {
			return value
		}
	}
	return ""
}

// redisWrites is what a registration cannot do without, as one transaction in one write to
// the connection: the record, its lease with a TTL, its place in the index by deadline, and
// the entry of the change feed, whose length is bounded.
func redisWrites(size int) (work, string) {
	value := strings.Repeat("v", size)
	commands := [][]byte{
		rawclient.Command("MULTI"),
		rawclient.Command("SET", "bench:r:"+noNumber, value),
		rawclient.Command("SET", "bench:l:"+noNumber, "1", "PX", strconv.FormatInt(recordTTL.Milliseconds(), 10)),
		rawclient.Command("ZADD", "bench:d", noNumber, noNumber),
		rawclient.Command("XADD", "bench:s", "MAXLEN", "~", "10000", "*", "r", value),
		rawclient.Command("EXEC"),
	}
	raw := bytes.Join(commands, nil)
	return &Load{
		Requests: []Request{{Bytes: raw, Numbers: numbered(raw)}}, MaxBody: 1 << 10,
		replies: func(from io.Reader) replies { return rawclient.NewRESPReader(from, len(commands)) },
	}, fmt.Sprintf("MULTI, SET of a value of %d bytes, SET with PX, ZADD, XADD of the value, EXEC, sent together", size)
}
