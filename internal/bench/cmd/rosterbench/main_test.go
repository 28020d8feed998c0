package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestExitCodes(t *testing.T) {
	for _, tc := range []struct {
		args   string
		code   int
		stderr string
	}{
		{"-h", 0, "-connections"},
		{"--cases nothing", 2, `case "nothing"`},
		{"--slice soon", 2, "soon"},
		{"--roster /nonexistent/roster --bare /nonexistent/bare --json=", 1, "/nonexistent/roster"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), strings.Fields(tc.args), &stdout, &stderr); code != tc.code || !strings.Contains(stderr.String(), tc.stderr) {
			t.Errorf("%s: code %d, stderr\n%s", tc.args, code, &stderr)
		}
		if stdout.Len() > 0 {
			t.Errorf("%s: stdout %q", tc.args, &stdout)
		}
	}
}
