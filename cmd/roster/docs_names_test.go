package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/roster-sd/roster/cmd/roster/internal/config"
)

var (
	variable  = regexp.MustCompile(`\bROSTER_[A-Z0-9_]+`)
	dottedKey = regexp.MustCompile(`^[a-z]+(\.[a-z_]+)+`)
)

// TestDocumentKeys: every key and every variable in a document exists, and the page about
// configuration has them all.
func TestDocumentKeys(t *testing.T) {
	t.Parallel()
	known, sections := map[string]bool{}, map[string]bool{}
	for _, k := range config.Keys() {
		known[k.Name], known[k.Env()] = true, true
		for at := strings.IndexByte(k.Name, '.'); at >= 0; {
			sections[k.Name[:at]], known[k.Name[:at]] = true, true
			next := strings.IndexByte(k.Name[at+1:], '.')
			if next < 0 {
				break
			}
			at += 1 + next
		}
	}
	for _, name := range projectFiles(t) { // those of the client commands, and of the tests of nodes
		if strings.HasPrefix(name, "cmd/roster/internal/cli/") && !strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "internal/e2e/") || strings.HasPrefix(name, "cmd/roster/internal/server/") || strings.HasPrefix(name, "internal/devstart/") {
			for _, v := range variable.FindAllString(read(t, name), -1) {
				known[v] = true
			}
		}
	}
	for _, p := range documents(t) {
		for _, v := range variable.FindAllString(p.text, -1) {
			// One that is no key may be shown being refused.
			if !known[v] && !strings.Contains(p.text, v+": no such key") {
				t.Errorf("%s: there is no variable %s", p.name, v)
			}
		}
		for _, code := range p.codes {
			key := dottedKey.FindString(code)
			first, _, _ := strings.Cut(key, ".")
			if sections[first] && !known[key] {
				t.Errorf("%s: there is no key %s", p.name, key)
			}
		}
	}
	complete := document(t, "docs/configuration.md")
	for _, k := range config.Keys() {
		if !slices.Contains(complete.codes, k.Name) {
			t.Errorf("%s does not have the key %s", complete.name, k.Name)
		}
	}
}

// TestDocumentConfigurations: every block of YAML in a document is a configuration.
func TestDocumentConfigurations(t *testing.T) {
	t.Parallel()
	for _, p := range documents(t) {
		for _, f := range p.fence {
			if f.language != "yaml" {
				continue
			}
			file := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(file, []byte(strings.Join(f.lines, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			loaded, err := config.Load(config.Options{File: file, Environ: []string{}})
			if err == nil {
				err = loaded.Validate()
			}
			if err != nil {
				t.Errorf("%s: %v, in\n%s", p.name, err, strings.Join(f.lines, "\n"))
			}
		}
	}
}

var (
	testName  = regexp.MustCompile(`^(?:Test|Fuzz|Benchmark)[A-Z]\w*`)
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Z]\w*)\(`)
	separator = regexp.MustCompile(`^\|[-| ]+\|$`)
)

// rows gives the cells of the first table below a heading of a page.
func rows(t *testing.T, p page, heading string) [][]string {
	t.Helper()
	_, rest, ok := strings.Cut(p.text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("%s has no %q", p.name, heading)
	}
	var table [][]string
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if len(table) > 0 {
				break
			}
			continue
		}
		if !separator.MatchString(line) {
			table = append(table, strings.Split(strings.Trim(line, "|"), "|"))
		}
	}
	if len(table) < 2 {
		t.Fatalf("%s has no table below %q", p.name, heading)
	}
	return table[1:]
}

func spans(cell string) []string {
	var out []string
	for _, m := range inline.FindAllStringSubmatch(cell, -1) {
		out = append(out, m[1])
	}
	return out
}

// TestDocumentTests: every test and benchmark that a document names exists, and where the
// document says in which folder, it is there.
func TestDocumentTests(t *testing.T) {
	t.Parallel()
	in, anywhere := map[string]bool{}, map[string]bool{}
	for _, name := range projectFiles(t) {
		if !strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range testFunc.FindAllStringSubmatch(read(t, name), -1) {
			in[path.Dir(name)+" "+m[1]], anywhere[m[1]] = true, true
		}
	}
	for _, p := range documents(t) {
		for _, code := range p.codes {
			if name := testName.FindString(code); name != "" && !anywhere[name] {
				t.Errorf("%s: there is no %s", p.name, name)
			}
		}
	}
	located := func(p page, heading string, folderColumn, testColumn int) {
		folder := ""
		for _, row := range rows(t, p, heading) {
			if f := spans(row[folderColumn]); len(f) == 1 {
				folder = f[0]
			}
			for _, name := range spans(row[testColumn]) {
				if testName.MatchString(name) && !in[folder+" "+name] {
					t.Errorf("%s: %s is not in %s", p.name, name, folder)
				}
			}
		}
	}
	located(document(t, "docs/security.md"), "## Threats", 2, 3)
	located(document(t, "docs/benchmarks.md"), "## Microbenchmarks", 0, 1)
}
