package server

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain looks, once all tests are over, for goroutines that are left, and for tokens in
// the logs. These logs are written without the masks of the program's own logger, so that
// nothing reaches them that would need a mask.
func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		if err := child(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(audited{m})
}

type audited struct{ m *testing.M }

func (a audited) Run() int {
	code := a.m.Run()
	handedOut.Range(func(token, _ any) bool {
		text := everyLog.String()
		if at := strings.Index(text, token.(string)); at >= 0 {
			line := text[strings.LastIndexByte(text[:at], '\n')+1:]
			line, _, _ = strings.Cut(line, "\n")
			fmt.Fprintln(os.Stderr, "FAIL: a token in the log:", line)
			code = 1
		}
		return true
	})
	return code
}
