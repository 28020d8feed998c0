package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/roster-sd/roster/store"
)

// Warning is something that an operator should know about the server.
type Warning struct {
	Name string // short and stable
	Text string
}

// Check asks the server how it is set up, and gives what may lose records or end leases
// wrongly. It is for once, after opening. An error says that nothing could be asked.
func (s *Store) Check(ctx context.Context) ([]Warning, error) {
	c, err := s.enter(ctx, "check", store.Key{})
	if err != nil {
		return nil, err
	}
	defer c.leave()
	client := s.link.connect(1) // a replica, too, answers this
	defer func() { _ = client.Close() }()
	text, err := client.Info(c.ctx).Result()
	if err != nil {
		return nil, c.failed(err)
	}
	info := parseInfo(text)
	w := warnings(info)
	if info["aof_enabled"] == "0" {
		// Not everybody may ask: then nothing is said.
		save, err := client.ConfigGet(c.ctx, "save").Result()
		if err == nil && save["save"] == "" {
			w = append(w, Warning{"persistence", "neither appendonly nor save is set: when Redis restarts, all instances are lost until they register again"})
		}
	}
	asked := time.Now()
	if now, err := client.Time(c.ctx).Result(); err == nil {
		if off := now.Sub(asked.Add(time.Since(asked) / 2)); off.Abs() > drift {
			w = append(w, Warning{"clock", fmt.Sprintf("the clock of Redis and that of this node differ by %v: times of events are Redis'", off.Round(time.Millisecond))})
		}
	}
	return w, nil
}

func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}

// leastVersion is the first with what the scripts need.
const leastVersion = 7

func warnings(info map[string]string) []Warning {
	var w []Warning
	version := info["redis_version"]
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n < leastVersion {
		w = append(w, Warning{"version", fmt.Sprintf("this is Redis %s: %d.0 or later is needed, for scripts with flags", version, leastVersion)})
	}
	if info["role"] == "slave" {
		w = append(w, Warning{"replica", "this server is a replica: nothing can be written here, and nothing is read from it"})
	}
	if info["cluster_enabled"] == "1" {
		w = append(w, Warning{"cluster", "this server belongs to a Redis Cluster, which is not supported: use one master, with replicas if need be"})
	}
	if policy := info["maxmemory_policy"]; policy != "" && policy != "noeviction" {
		text := "maxmemory-policy is %s: when the memory is full Redis removes leases and records that are alive; set it to noeviction"
		if info["maxmemory"] == "0" {
			text = "maxmemory-policy is %s, though maxmemory is not set: once it is, Redis removes leases and records that are alive; set it to noeviction"
		}
		w = append(w, Warning{"maxmemory-policy", fmt.Sprintf(text, policy)})
	}
	return w
}
