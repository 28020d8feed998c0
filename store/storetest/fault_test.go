package storetest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// faults are the promises that the naive store can break, each with a subtest that must
// notice. Those with "alone" are run on the store that keeps nothing.
var faults = []struct{ fault, noticed string }{
	{"rounds down", "capability/granted-ttl"},
	{"wraps around", "capability/enormous-ttl"},
	{"forgets reasons", "register/event"},
	{"announces a replacement as a deletion", "register/replaces-in-one-event"},
	{"counts generations from the living", "generation/grows-after-deregister"},
	{"forgets generations", "generation/grows-after-the-tombstone-is-forgotten"},
	{"fences nothing", "fence/old-lease-deregisters-nothing"},
	{"fences nothing", "fence/old-lease-renews-nothing"},
	{"fences nothing", "fence/old-lease-updates-nothing"},
	{"takes any live lease", "fence/lease-of-another-key"},
	{"forces nothing", "fence/zero-lease-forces-update"},
	{"writes at any time", "while/over"},
	{"writes at any time", "while/gone"},
	{"takes any lease of the other", "while/under-another-lease"},
	{"forces nothing", "fence/zero-lease-forces-deregister"},
	{"ignores absent", "condition/absent"},
	{"ignores absent", "race/absent"},
	{"ignores the lease of conditions", "condition/lease"},
	{"ignores the generation of conditions", "condition/generation"},
	{"ignores the generation of conditions", "race/generation"},
	{"resurrects as a new generation", "resurrect/after-expiry"},
	{"resurrects as registered now", "resurrect/after-expiry"},
	{"resurrects what was meant to die", "resurrect/after-forced"},
	{"resurrects what was meant to die", "resurrect/after-a-resurrection-was-deregistered"},
	{"resurrects what has a successor", "resurrect/after-a-newer-generation"},
	{"never forgives", "resurrect/after-an-older-death-that-was-meant"},
	{"announces renewals", "renew/silent"},
	{"moves the revision on renewal", "renew/moves-no-revision"},
	{"acknowledges without renewing", "renew/extends"},
	{"renews what is over", "renew/after-expiry"},
	{"mixes results up", "renew/batch-is-aligned"},
	{"announces late", "expire/announced-in-time"},
	{"shows what has expired", "expire/hides-at-once"},
	{"lists what has expired", "expire/hides-at-once"},
	{"lists what has expired", "expire/mass-is-hidden-at-once"},
	{"drops late records unannounced", "expire/announced-in-time"},
	{"renews by updating", "expire/update-is-no-renewal"},
	{"keeps the old lease's end", "expire/old-lease-ends-nothing"},
	{"announces twice", "expire/two-thousand-at-once"},
	{"splits a revision", "expire/two-thousand-at-once"},
	{"loses updates", "update/atomic"},
	{"wraps the caller's error", "update/refused-by-the-function"},
	{"announces no change", "update/no-change-no-revision"},
	{"lets updates change everything", "update/what-stays"},
	{"hides changes", "update/every-visible-field-moves-changed"},
	{"shows tokens as changes", "update/tokens-move-no-changed"},
	{"leaves no tombstone of a replacement", "tombstone/of-a-replacement"},
	{"remembers whole records", "tombstone/of-a-replacement"},
	{"remembers whole records", "round-trip/every-field"},
	{"remembers no tokens", "tombstone/of-a-replacement"},
	{"gives tombstones oldest first", "tombstone/newest-first"},
	{"keeps every tombstone", "tombstone/bounded"},
	{"forgets tombstones early", "tombstone/remembered"},
	{"forgets tombstones early", "resurrect/refused-as-long-as-remembered"},
	{"never forgets", "tombstone/forgotten"},
	{"tears snapshots", "follow/snapshots-are-of-one-moment"},
	{"takes names for prefixes", "select/list"},
	{"ignores the kind", "select/watch"},
	{"ignores the kind", "select/history"},
	{"watches from the position itself", "watch/strictly-after"},
	{"watches from the position itself", "follow/no-gap-no-repeat"},
	{"watches no deletions", "watch/every-kind-of-change"},
	{"watches no deletions", "follow/no-gap-no-repeat"},
	{"loses batches to contexts", "watch/nothing-lost-to-contexts"},
	{"watches from no revision", "compact/no-revision"},
	{"ignores epochs", "compact/another-epoch"},
	{"waits for the future", "compact/the-future"},
	{"compacts silently", "compact/an-old-position"},
	{"compacts silently", "alone compact/overflow"},
	{"compacts silently", "alone compact/a-watcher-that-is-overrun"},
	{"recovers from compaction", "compact/an-old-position"},
	{"gives the oldest history", "history/newest-first-to-stay"},
	{"tells any lease's time", "ttl/aligned"},
	{"updates in place", "immutable/published-records"},
	{"keeps the caller's slices", "immutable/input-of-register"},
	{"is deaf to contexts", "context/canceled"},
	{"ties watchers to the context", "context/of-watch-does-not-outlive-the-call"},
	{"answers when closed", "close/every-call-fails-with-closed"},
	{"leaves a Next waiting", "close/wakes-a-blocked-next"},
	{"leaves a goroutine", "alone close/joins-its-goroutines"},
	{"names no key in errors", "error/names-operation-backend-and-key"},
	{"gives bare errors", "error/names-operation-backend-and-key"},
	{"loses data in one epoch", "fault/all-data-lost"},
	{"goes back in one epoch", "fault/past-rewritten"},
	{"acknowledges in an outage", "fault/outage-ends"},
	{"goes on after an outage", "fault/outage-ends"},
	{"leases run while paused", "fault/pause"},
	{"fences nothing", "walk/without-time"},
	{"renews by updating", "walk/with-time"},
	{"announces late", "expire/each-at-its-own-time"},
	{"shows what has expired", "expire/over-before-it-is-announced"},
	{"renews what is over", "expire/over-before-it-is-announced"},
	{"announces twice", "shared/expires-once"},
	{"ignores the kind", "kind/apart"},
	{"ignores absent", "race/resurrection"},
	{"loses odd text", "round-trip/text"},
	{"loses odd text", "round-trip/every-field"},
	{"writes into the caller's slices", "immutable/input-is-left-alone"},
	{"comes back empty", "restart/records-survive"},
	{"comes back empty", "restart/tombstones-survive"},
	{"comes back empty", "restart/generations-go-on"},
	{"comes back as if nothing was", "alone restart/nothing-survives"},
	{"comes back as if nothing was", "alone restart/positions"},
}

// No subtest is there for show: on a store that breaks a promise, the one that stands for
// it fails.
func TestFaultsAreNoticed(t *testing.T) {
	if os.Getenv(faultVariable) != "" {
		t.Skip("this is a run with a fault, started by this very test")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		t.Run(f.fault+", "+strings.ReplaceAll(f.noticed, "/", " "), func(t *testing.T) {
			t.Parallel()
			top := "TestShared"
			name, alone := strings.CutPrefix(f.noticed, "alone ")
			if alone {
				top = "TestAlone"
			}
			pattern := "^" + top + "$/^" + strings.ReplaceAll(name, "/", "$/^") + "$"
			cmd := exec.CommandContext(t.Context(), self, "-test.run", pattern, "-test.timeout", time.Minute.String(), "-test.v")
			cmd.Env = append(os.Environ(), faultVariable+"="+f.fault)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("%s passes on a store that %s:\n%s", f.noticed, f.fault, out)
			}
			// A goroutine that is left behind ends the whole process, as synctest has it.
			if said := string(out); !strings.Contains(said, "--- FAIL: "+top+"/"+name) && !strings.Contains(said, "deadlock: main bubble goroutine has exited") {
				t.Errorf("the run failed, but not for the fault:\n%s", out)
			}
		})
	}
}
