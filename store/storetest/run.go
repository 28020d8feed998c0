package storetest

import (
	"slices"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/roster-sd/roster/store"
)

// spec is one promise of the contract and the proof of it.
type spec struct {
	name  string // topic/name
	prove func(e *env)
	needs []need
}

// need tells what a backend or its harness lacks for a spec; empty is nothing.
type need func(h Harness, caps store.Capabilities, c Cluster) string

// suite gives every spec, by topic.
func suite() []spec {
	return slices.Concat(
		capabilitySpecs, registerSpecs, roundTripSpecs, generationSpecs, fenceSpecs, whileSpecs,
		conditionSpecs, racerSpecs, resurrectSpecs, resurrectDeathSpecs, renewSpecs,
		expireSpecs, expireRaceSpecs, updateSpecs, updateFieldSpecs, deregisterSpecs, tombstoneSpecs,
		listSpecs, selectSpecs, watchSpecs, watchPaceSpecs, followSpecs, compactSpecs, historySpecs,
		ttlSpecs, kindSpecs, immutableSpecs, contextSpecs, closeSpecs, errorSpecs,
		revisionSpecs, sharedSpecs, restartSpecs, faultSpecs, walkSpecs,
	)
}

// Run proves the contract of [store.Store] on the backend that h opens, one subtest a
// promise.
func Run(t *testing.T, h Harness) {
	h = h.withDefaults()
	if !h.Synctest {
		noLeaks := append([]goleak.Option{goleak.IgnoreCurrent()}, h.Goroutines...)
		t.Cleanup(func() { goleak.VerifyNone(t, noLeaks...) })
	}
	var caps store.Capabilities
	var cluster Cluster
	h.bubble(t, func(t *testing.T) {
		e := newEnv(t, h)
		caps, cluster = e.caps, e.cluster
	})
	for _, sp := range suite() {
		t.Run(sp.name, func(t *testing.T) {
			for _, lacks := range sp.needs {
				if why := lacks(h, caps, cluster); why != "" {
					t.Skip(why)
				}
			}
			if h.Parallel {
				t.Parallel()
			}
			h.bubble(t, func(t *testing.T) { sp.prove(newEnv(t, h)) })
		})
	}
}

// bubble runs f in fake time if the harness allows it.
func (h Harness) bubble(t *testing.T, f func(t *testing.T)) {
	if h.Synctest {
		synctest.Test(t, f)
		return
	}
	f(t)
}

func needShared(_ Harness, caps store.Capabilities, _ Cluster) string {
	return lacking(caps.Shared, "the backend is not Shared: it has one node")
}

func needFakeTime(h Harness, _ store.Capabilities, _ Cluster) string {
	return lacking(h.Synctest, "takes too long in real time: needs Harness.Synctest")
}

func needQuiet(h Harness, _ store.Capabilities, _ Cluster) string {
	return lacking(!h.Parallel, "counts goroutines: needs a Harness that is not Parallel")
}

func needOwnRevisions(h Harness, _ store.Capabilities, _ Cluster) string {
	return lacking(!h.SharedRevisions, "Harness.SharedRevisions: others move the revision")
}

func needOpenShort(h Harness, _ store.Capabilities, _ Cluster) string {
	return lacking(h.OpenShort != nil, "the harness cannot OpenShort")
}

func needDurable(_ Harness, caps store.Capabilities, _ Cluster) string {
	return lacking(caps.Durable, "the backend is not Durable")
}

func needVolatile(_ Harness, caps store.Capabilities, _ Cluster) string {
	return lacking(!caps.Durable, "the backend is Durable")
}

func needOwnLeases(_ Harness, caps store.Capabilities, _ Cluster) string {
	return lacking(!caps.NativeLease, "NativeLease: the leases run on while this process is paused")
}

func needCompact(_ Harness, _ store.Capabilities, c Cluster) string {
	return lacking(c.Compact != nil, "the harness cannot Compact")
}

func needLoseData(_ Harness, _ store.Capabilities, c Cluster) string {
	return lacking(c.LoseData != nil, "the harness cannot LoseData")
}

func needCheckpoint(_ Harness, _ store.Capabilities, c Cluster) string {
	return lacking(c.Checkpoint != nil, "the harness cannot Checkpoint")
}

func needOutage(_ Harness, _ store.Capabilities, c Cluster) string {
	return lacking(c.Outage != nil, "the harness cannot make an Outage")
}

func needPause(_ Harness, _ store.Capabilities, c Cluster) string {
	return lacking(c.Pause != nil, "the harness cannot Pause")
}

func lacking(has bool, why string) string {
	if has {
		return ""
	}
	return why
}
