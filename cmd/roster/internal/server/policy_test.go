package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/cmd/roster/internal/config"
)

// policied runs a server under the policy of a file, and gives what writes that file as an
// editor does that empties it first.
func policied(t *testing.T, policy string) (n *node, write func(text string)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "roster.yaml")
	write = func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(policy)
	reread := func() (*config.Loaded, error) {
		return config.Load(config.Options{File: file, Environ: []string{}})
	}
	started, err := reread()
	if err != nil {
		t.Fatal(err)
	}
	cfg := free()
	cfg.Auth.Policies = started.Config.Auth.Policies
	return serve(t, Options{Config: cfg, Insecure: true, Started: started, ConfigFile: file, Reread: reread}), write
}

// narrow lets one identity register.
func narrow(identity string) string {
	return fmt.Sprintf("auth:\n  policies:\n    - {identity: %q, register: [orders], discover: [orders]}\n", identity)
}

// A file that is empty, cut or gone while it is written leaves the policy as it is: above all it
// does not open the registry to everyone.
func TestConfigurationInTheMaking(t *testing.T) {
	t.Parallel()
	n, write := policied(t, narrow("a"))
	may := func(identity string) bool {
		return n.srv.registry.Policy().Authorize(identity, auth.Register, "orders").Allowed
	}
	for _, text := range []string{"", "\n", "auth:\n", "auth:\n  policies:\n", "auth:\n  policies: []\n", "auth:\n  services: [orders]\n",
		narrow("b")[:30], "node:\n"} {
		write(text)
		n.srv.Reload()
		if !may("a") || may("b") {
			t.Errorf("%q: a may: %v, b may: %v", text, may("a"), may("b"))
		}
	}
	if err := os.Remove(n.srv.opts.ConfigFile); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		n.srv.Reload()
	}
	if got := strings.Count(n.log.String(), "does not exist"); !may("a") || got != 1 {
		t.Errorf("without the file a may: %v, told %d times", may("a"), got)
	}
	write(narrow("b"))
	n.srv.Reload()
	if may("a") || !may("b") {
		t.Error("the whole file is not in force")
	}
}

// However many ask at once for the policy to be read again, and whoever calls meanwhile: each
// call is decided by one policy or the other, and the last one stays.
func TestManyHangups(t *testing.T) {
	t.Parallel()
	n, write := policied(t, narrow("a"))
	reg := n.srv.registry
	var readers, storm sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				p := reg.Policy()
				if p.Authorize("a", auth.Register, "orders").Allowed == p.Authorize("b", auth.Register, "orders").Allowed {
					t.Error("a policy allows both or neither")
					return
				}
			}
		})
	}
	for i := range 20 {
		write(narrow([]string{"b", "a"}[i%2]))
		for range 10 {
			storm.Go(n.srv.Reload)
		}
		storm.Wait()
	}
	close(stop)
	readers.Wait()
	if !reg.Policy().Authorize("a", auth.Register, "orders").Allowed || strings.Count(n.log.String(), `"msg":"policy reloaded"`) < 20 {
		t.Errorf("the last policy is not in force")
	}
}
