// Package node_test runs the tests of the Node SDK, which are written for Node's own test
// runner, against the program that is built from this checkout.
package node_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/nodetest"
)

const root = "../.."

// within bounds a run of all tests: they take some 40 s on a machine that is not busy. One that
// hangs is ended, and named, by its own process after 3 minutes (test/world/finish.js).
const within = 8 * time.Minute

func TestNode(t *testing.T) {
	t.Parallel()
	node := nodetest.Require(t)
	files, err := filepath.Glob("test/*.test.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	env := append(os.Environ(), "ROSTER_BIN="+nodetest.Build(t, root))
	out := nodetest.Run(t, "", env, within, node, append([]string{"--test", "--test-reporter=spec"}, files...)...)
	t.Log(out)
	// A file that ended before its tests were defined has none that failed.
	if !strings.Contains(out, "fail 0") || strings.Contains(out, "pass 0\n") {
		t.Errorf("the runner does not say that all passed")
	}
}

// TestTypes: the declarations are those that programs in TypeScript need, as ES modules and
// as CommonJS.
func TestTypes(t *testing.T) {
	t.Parallel()
	node := nodetest.Require(t)
	dir := nodetest.Install(t, root, ".")
	nodetest.Run(t, dir, nil, within, node, filepath.Join(dir, "node_modules", "typescript", "bin", "tsc"), "-p", "test/types")
}

// TestPackage: what npm would publish is complete, and needs nothing else.
func TestPackage(t *testing.T) {
	t.Parallel()
	node := nodetest.Require(t)
	source, user := filepath.Join(t.TempDir(), "package"), t.TempDir()
	nodetest.Copy(t, source, ".")
	nodetest.Run(t, source, nil, within, "npm", "pack", "--silent", "--pack-destination", user)
	packed, err := filepath.Glob(filepath.Join(user, "roster-registry-*.tgz"))
	if err != nil || len(packed) != 1 {
		t.Fatalf("packed %v, %v", packed, err)
	}
	nodetest.Run(t, user, nil, within, "npm", "install", "--offline", "--no-audit", "--no-fund", "--no-save", packed[0])
	const program = `const assert = require("node:assert/strict");
const registry = require("roster-registry");
import("roster-registry").then((esm) => {
	assert.equal(esm.default.resolve, registry.resolve);
	assert.equal(esm.createClient, registry.createClient);
	registry.createClient({ urls: ["127.0.0.1:1"] }).close();
	console.log("complete");
});`
	if out := nodetest.Run(t, user, nil, within, node, "-e", program); strings.TrimSpace(out) != "complete" {
		t.Errorf("it says %q", out)
	}
	for _, name := range []string{"types.d.ts", "index.d.ts", "index.d.mts", "README.md"} {
		if _, err := os.Stat(filepath.Join(user, "node_modules", "roster-registry", name)); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"test", "node_test.go", ".npmrc", "package-lock.json"} {
		if _, err := os.Stat(filepath.Join(user, "node_modules", "roster-registry", name)); err == nil {
			t.Errorf("%s is packed too", name)
		}
	}
}
