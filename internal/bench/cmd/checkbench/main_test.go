//go:build unix

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "-serve" {
		main()
	}
	os.Exit(m.Run())
}

func TestRun(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"-targets", "50", "-hang", "2", "-interval", "200ms", "-for", "2s"}, nil, &out, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	for _, want := range []string{"50 targets every 200ms", "checks in 2s", "within 10 %", "goroutines"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}

func TestUsage(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"-nothing"}, nil, &out, &errs); code != 2 || !strings.Contains(errs.String(), "-targets") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
	if code := run([]string{"-h"}, nil, &out, &errs); code != 0 {
		t.Errorf("exit %d", code)
	}
}
