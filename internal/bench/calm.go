package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// glance is how long the machine is looked at to tell whether it is calm.
const glance = 250 * time.Millisecond

// awaitCalm waits until the rest of the machine leaves its CPUs alone for a glance, at
// most for as long as given: a round begun in the middle of something else is lost
// anyway. It tells whether calm came.
func awaitCalm(ctx context.Context, most time.Duration, disturbance float64) (bool, error) {
	limit := time.Now().Add(most)
	for {
		busy, err := busyShare(ctx, glance)
		if err != nil {
			return false, err
		}
		if 100*busy <= max(disturbance, noiseFloor(glance)) {
			return true, nil
		}
		if !time.Now().Before(limit) {
			return false, nil
		}
	}
}

// busyShare is the share of the machine's CPU, from 0 to 1, that was busy or stolen
// during d, while this harness and its servers idle.
func busyShare(ctx context.Context, d time.Duration) (float64, error) {
	before, err := readCPUTimes()
	if err != nil {
		return 0, err
	}
	if err := pause(ctx, d); err != nil {
		return 0, err
	}
	after, err := readCPUTimes()
	if err != nil {
		return 0, err
	}
	return after.shareSince(before), nil
}

// shareSince is the share of the machine's CPU used by processes or stolen since before.
func (t cpuTimes) shareSince(before cpuTimes) float64 {
	total := t.total - before.total
	if total <= 0 {
		return 0
	}
	return float64(t.user-before.user+t.steal-before.steal) / float64(total)
}

func readCPUTimes() (cpuTimes, error) {
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return cpuTimes{}, fmt.Errorf("read CPU times: %w", err)
	}
	return parseCPUTimes(stat)
}
