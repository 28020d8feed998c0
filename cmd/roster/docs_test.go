package main

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The documents are for people, and so wrong as soon as the program moves on. These tests
// hold what can be held: links, commands, keys, metrics, log messages and tests that the
// documents name exist, and the other way round where a document claims to be complete.

// root is the project's folder as seen from this package.
const root = "../.."

// page is a document: its path within the project, and what is in it.
type page struct {
	name  string
	text  string
	codes []string // the inline code spans
	fence []fence
	prose string // the text without code of either kind
}

// fence is a fenced block of code: its language, and its lines without indentation.
type fence struct {
	language string
	lines    []string
}

var (
	inline    = regexp.MustCompile("`([^`\n]+)`")
	fenceLine = regexp.MustCompile("^( *)```(.*)$")
)

// projectFiles gives the path of every file of the project, but of what is built.
func projectFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".git": // a file, where the folder is a second working tree
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.IsDir() && (d.Name() == "build" || d.Name() == "certs" || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.Type().IsRegular():
			name, err := filepath.Rel(root, file)
			if err != nil {
				return err
			}
			files = append(files, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// documents gives every page of the project.
func documents(t *testing.T) []page {
	t.Helper()
	var pages []page
	for _, name := range projectFiles(t) {
		if path.Ext(name) == ".md" {
			pages = append(pages, parsePage(name, read(t, name)))
		}
	}
	if len(pages) < 10 {
		t.Fatalf("only %d documents were found", len(pages))
	}
	return pages
}

func document(t *testing.T, name string) page {
	t.Helper()
	return parsePage(name, read(t, name))
}

func parsePage(name, text string) page {
	p := page{name: name, text: text}
	var prose strings.Builder
	var open *fence
	indent := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := fenceLine.FindStringSubmatch(line); m != nil && open == nil {
			indent, open = m[1], &fence{language: m[2]}
		} else if m != nil && m[2] == "" {
			p.fence, open = append(p.fence, *open), nil
		} else if open != nil {
			open.lines = append(open.lines, strings.TrimPrefix(line, indent))
		} else {
			for _, span := range inline.FindAllStringSubmatch(line, -1) {
				p.codes = append(p.codes, span[1])
			}
			prose.WriteString(inline.ReplaceAllString(line, "") + "\n")
		}
	}
	p.prose = prose.String()
	return p
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestDocumentLinks: every relative link leads to a file, and to a heading in it.
func TestDocumentLinks(t *testing.T) {
	t.Parallel()
	found := 0
	for _, p := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(p.prose, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, ":") {
				continue // of another site
			}
			found++
			file := p.name
			if target != "" {
				file = path.Join(path.Dir(p.name), target)
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(file))); err != nil {
				t.Errorf("%s: link to %s: there is no %s", p.name, m[1], file)
				continue
			}
			if anchor != "" && !headings(t, file)[anchor] {
				t.Errorf("%s: link to %s: %s has no such heading", p.name, m[1], file)
			}
		}
	}
	if found == 0 {
		t.Error("no link was found")
	}
}

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// headings gives the anchors of a page as they are made of its headings.
func headings(t *testing.T, name string) map[string]bool {
	anchors := map[string]bool{}
	p := document(t, name)
	fenced := strings.Builder{}
	for _, f := range p.fence {
		fenced.WriteString("\n" + strings.Join(f.lines, "\n") + "\n")
	}
	for line := range strings.Lines(p.text) {
		text := strings.TrimLeft(line, "#")
		if len(text) == len(line) || !strings.HasPrefix(text, " ") || strings.Contains(fenced.String(), "\n"+line) {
			continue
		}
		text = notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(text)), "")
		anchors[strings.ReplaceAll(text, " ", "-")] = true
	}
	return anchors
}

// TestNoPlaceOfABuilder: no file of the project tells of the machine that it was written on.
func TestNoPlaceOfABuilder(t *testing.T) {
	t.Parallel()
	// Taken apart, so that this file passes too.
	places := []string{"/wo" + "rk/", "/ro" + "ot/"}
	if here, err := filepath.Abs(root); err != nil {
		t.Error(err)
	} else if strings.Count(here, "/") > 2 { // a shorter one may well be a path of something else
		places = append(places, here+"/")
	}
	for _, name := range projectFiles(t) {
		text := read(t, name)
		if bytes.IndexByte([]byte(text), 0) >= 0 {
			continue // a program, as other tests leave behind while they run
		}
		for _, place := range places {
			if i := strings.Index(text, place); i >= 0 {
				t.Errorf("%s:%d mentions %s", name, 1+strings.Count(text[:i], "\n"), place)
			}
		}
	}
}
