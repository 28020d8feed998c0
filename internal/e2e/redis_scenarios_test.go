//go:build unix

package e2e

import (
	"slices"
	"testing"
)

func openRedis(t testing.TB) sharedBackend { return newRedis(t) }

func TestRedis(t *testing.T) {
	play(t, "redis", openRedis, slices.Concat(scenarios, redisScenarios, []scenario{upgrade}))
	play(t, "redis", func(t testing.TB) sharedBackend { return newRedisPair(t) }, []scenario{promotion})
}

func TestRedisAnyNode(t *testing.T) {
	t.Parallel()
	anyNode(t, "redis, any node takes any call", newCluster(t, openRedis(t), 3, false))
}

func TestRedisDownAtStart(t *testing.T) {
	t.Parallel()
	startedWithout(t, "redis", openRedis)
}

func TestRedisResumeInsideGap(t *testing.T) {
	t.Parallel()
	resumesInsideGap(t, openRedis(t))
}
