//go:build unix

package e2e

import (
	"slices"
	"testing"
)

func openEtcd(t testing.TB) sharedBackend { return newEtcd(t) }

func TestEtcd(t *testing.T) {
	play(t, "etcd", openEtcd, slices.Concat(scenarios, etcdScenarios, []scenario{upgrade}))
}

func TestEtcdAnyNode(t *testing.T) {
	t.Parallel()
	anyNode(t, "etcd, any node takes any call", newCluster(t, openEtcd(t), 3, false))
}

func TestEtcdDownAtStart(t *testing.T) {
	t.Parallel()
	startedWithout(t, "etcd", openEtcd)
}

func TestEtcdResumeInsideGap(t *testing.T) {
	t.Parallel()
	resumesInsideGap(t, openEtcd(t))
}
