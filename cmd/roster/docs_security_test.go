package main

import (
	"path"
	"strings"
	"testing"
)

// TestDocumentThreats: every line of the threats names a test that covers it. That it exists,
// and where, is another test's to see.
func TestDocumentThreats(t *testing.T) {
	t.Parallel()
	for _, row := range rows(t, document(t, "docs/security.md"), "## Threats") {
		covered := 0
		for _, name := range spans(row[3]) {
			if testName.MatchString(name) {
				covered++
			}
		}
		if covered == 0 {
			t.Errorf("no test covers the threat %q", strings.TrimSpace(row[0]))
		}
	}
}

// TestDocumentParsers: the table of parsers has every fuzz target, in its folder, and none
// that there is not.
func TestDocumentParsers(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, name := range projectFiles(t) {
		if !strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range testFunc.FindAllStringSubmatch(read(t, name), -1) {
			if strings.HasPrefix(m[1], "Fuzz") {
				there[path.Dir(name)+" "+m[1]] = true
			}
		}
	}
	if len(there) < 20 {
		t.Fatalf("only %d fuzz targets were found", len(there))
	}
	told := map[string]bool{}
	for _, row := range rows(t, document(t, "docs/security.md"), "### Parsers") {
		folder := spans(row[1])
		if len(folder) != 1 {
			t.Fatalf("the folder is %q", row[1])
		}
		for _, name := range spans(row[2]) {
			target := folder[0] + " " + name
			if told[target] = true; !there[target] {
				t.Errorf("there is no %s in %s", name, folder[0])
			}
		}
	}
	for target := range there {
		if !told[target] {
			t.Errorf("docs/security.md does not have the fuzz target %s", target)
		}
	}
}
