//go:build unix

package main

import (
	"bufio"
	"context"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/roster-sd/roster/cmd/roster/internal/config"
)

// composed loads docker-compose.yml with the services of a profile.
func composed(t *testing.T, profile string) *types.Project {
	t.Helper()
	dir, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	p, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "docker-compose.yml")}},
	}, func(o *loader.Options) {
		o.SetProjectName("roster", true)
		o.Profiles = []string{profile}
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// profiles are those of docker-compose.yml, with the services that serve the API.
var profiles = map[string][]string{
	"dev":   {"dev"},
	"redis": {"redis-node-1", "redis-node-2"},
	"etcd":  {"etcd-node-1", "etcd-node-2"},
}

var pinned = regexp.MustCompile(`:(\d+\.\d+\.\d+(-[a-z]+)?|local)$`)

func TestComposeFile(t *testing.T) {
	t.Parallel()
	stages := dockerStages(t)
	for profile, nodes := range profiles {
		t.Run(profile, func(t *testing.T) {
			p := composed(t, profile)
			for name, svc := range p.Services {
				checkService(t, p, name, svc, stages)
			}
			ports := map[string]string{}
			for _, name := range nodes {
				svc, ok := p.Services[name]
				if !ok {
					t.Fatalf("no service %s", name)
				}
				for _, port := range svc.Ports {
					if other := ports[port.Published]; other != "" {
						t.Errorf("%s and %s both publish %s", name, other, port.Published)
					}
					ports[port.Published] = name
				}
			}
			if len(ports) != len(nodes) {
				t.Errorf("%d nodes publish %d ports", len(nodes), len(ports))
			}
		})
	}
}

// checkService checks what every service must have, whatever it is.
func checkService(t *testing.T, p *types.Project, name string, svc types.ServiceConfig, stages []string) {
	t.Helper()
	if svc.Image == "" || !pinned.MatchString(svc.Image) {
		t.Errorf("%s: image %q is not pinned", name, svc.Image)
	}
	if svc.Build != nil && !slices.Contains(stages, svc.Build.Target) {
		t.Errorf("%s: the Dockerfile has no stage %q", name, svc.Build.Target)
	}
	if svc.Build == nil && strings.HasSuffix(svc.Image, ":local") {
		t.Errorf("%s: nothing builds its image %s", name, svc.Image)
	}
	once := svc.Restart == "no"
	if !once && (svc.HealthCheck == nil || len(svc.HealthCheck.Test) < 2) {
		t.Errorf("%s: no health check", name)
	}
	for on, d := range svc.DependsOn {
		want := types.ServiceConditionHealthy
		if p.Services[on].Restart == "no" {
			want = types.ServiceConditionCompletedSuccessfully
		}
		if d.Condition != want {
			t.Errorf("%s: waits for %s to be %s, want %s", name, on, d.Condition, want)
		}
	}
	for _, v := range svc.Volumes {
		if _, ok := p.Volumes[v.Source]; v.Type != types.VolumeTypeVolume || !ok {
			t.Errorf("%s: volume %s is not a named one of the file", name, v.Source)
		}
	}
	_, api, _ := strings.Cut(config.Default().Listen, ":")
	for _, port := range svc.Ports {
		if port.HostIP != "127.0.0.1" {
			t.Errorf("%s: port %s is published beyond this machine", name, port.Published)
		}
		if strconv.Itoa(int(port.Target)) != api {
			t.Errorf("%s: publishes port %d of the container, and Roster listens on %s", name, port.Target, api)
		}
	}
	if strings.HasPrefix(svc.Image, "roster:") && !once {
		if i := slices.Index(svc.HealthCheck.Test, "--address"); i < 0 || svc.HealthCheck.Test[i+1] != "http://"+config.Default().Admin.Listen {
			t.Errorf("%s: health check %q does not ask the admin listener %s", name, svc.HealthCheck.Test, config.Default().Admin.Listen)
		}
	}
}

// dockerStages gives the names of the stages of the Dockerfile.
func dockerStages(t *testing.T) []string {
	t.Helper()
	f, err := os.Open(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var stages []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) == 4 && words[0] == "FROM" && words[2] == "AS" {
			stages = append(stages, words[3])
		}
	}
	return stages
}

// TestDockerfile checks what the image promises, without building it.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	_, last, ok := strings.Cut(string(text), "FROM scratch AS roster\n")
	if !ok {
		t.Fatal("the last stage is not from scratch")
	}
	for _, want := range []string{"USER 65532:65532", `ENTRYPOINT ["/roster"]`, `CMD ["serve"]`, "EXPOSE 8443", `CMD ["/roster", "health", "--ready"`} {
		if !strings.Contains(last, want) {
			t.Errorf("the image lacks %s", want)
		}
	}
	// What is copied from the sources must be there, and the build be that of the Makefile.
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "COPY" || strings.HasPrefix(words[1], "--") {
			continue
		}
		for _, name := range words[1 : len(words)-1] {
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Errorf("COPY: %v", err)
			}
		}
	}
	if !strings.Contains(string(text), "-tags nomsgpack") || !strings.Contains(string(text), "CGO_ENABLED=0") {
		t.Error("the image is not built as the Makefile builds")
	}
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(gomod)
	if line == nil || !strings.Contains(string(text), "FROM golang:"+string(line[1])) {
		t.Errorf("the image is not built with the Go of go.mod")
	}
}

// TestComposeRuns runs the very commands of the services, as processes of this machine.
func TestComposeRuns(t *testing.T) {
	t.Parallel()
	for _, profile := range slices.Sorted(maps.Keys(profiles)) {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 3*patient)
			defer cancel()
			m := newMachine(t, composed(t, profile))
			m.up(ctx)
			for i, name := range profiles[profile] {
				id := name + "-seen-by-all"
				m.exec(ctx, name, 0, "register", "composed", "--id", id, "--port", "80", "--ttl", "1m")
				for _, other := range profiles[profile] {
					out := m.exec(ctx, other, 0, "get", "composed", id)
					if !strings.Contains(out, id) {
						t.Errorf("node %d: %s does not show what was registered at %s: %s", i, other, name, out)
					}
				}
			}
		})
	}
}
