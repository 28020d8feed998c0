package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocsShowWhatCompiles: each line of Go in the documents stands in a program that the
// tests build.
func TestDocsShowWhatCompiles(t *testing.T) {
	var sources strings.Builder
	files, err := filepath.Glob("*/main.go")
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	for _, file := range append(files, "../../client/example_test.go") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(data)
	}
	have := make(map[string]bool)
	for line := range strings.Lines(sources.String()) {
		have[strings.TrimSpace(line)] = true
	}
	for _, doc := range []string{"go.md", "laptop.md"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "docs", doc))
		if err != nil {
			t.Fatal(err)
		}
		shown, in := 0, false
		for line := range strings.Lines(string(data)) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "```") {
				in = line == "```go"
				continue
			}
			if in && line != "" {
				if shown++; !have[line] {
					t.Errorf("%s: no program has the line %s", doc, line)
				}
			}
		}
		if shown == 0 {
			t.Errorf("%s shows no Go", doc)
		}
	}
}
