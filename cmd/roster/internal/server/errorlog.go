package server

import (
	"context"
	"log"
	"log/slog"
	"strings"

	"golang.org/x/time/rate"
)

// refusalsPerSecond bounds how many refused handshakes are logged: anyone who reaches the
// port can cause as many as they like.
const refusalsPerSecond = 10

// errorLog takes what net/http has to say. It says it in text only, so the text decides
// how much it matters.
type errorLog struct {
	log      *slog.Logger
	refusals *rate.Limiter
	refused  func(from, why string) // is told of each refused handshake
}

func newErrorLog(l *slog.Logger, refused func(from, why string)) *log.Logger {
	return log.New(&errorLog{log: l, refusals: rate.NewLimiter(refusalsPerSecond, refusalsPerSecond), refused: refused}, "", 0)
}

// Write takes one message of net/http; a log.Logger calls it with one at a time.
func (e *errorLog) Write(p []byte) (int, error) {
	text := strings.TrimSpace(string(p))
	const handshake = "http: TLS handshake error from "
	switch {
	case strings.HasPrefix(text, handshake):
		from, why, _ := strings.Cut(strings.TrimPrefix(text, handshake), ": ")
		e.handshake(from, why)
	case strings.HasPrefix(text, "http: Accept error"), strings.HasPrefix(text, "http: panic serving"):
		e.log.Error(text) // out of file descriptors, as a rule, or a mistake of ours
	default:
		e.log.Debug(text)
	}
	return len(p), nil
}

// handshake tells of a client that was refused, or that went away: scanners and health
// checks of TCP do, and nobody wants to read of them.
func (e *errorLog) handshake(from, why string) {
	level := slog.LevelWarn
	if why == "EOF" || strings.Contains(why, "connection reset by peer") || strings.Contains(why, "i/o timeout") ||
		strings.Contains(why, "use of closed network connection") {
		level = slog.LevelDebug
	} else {
		e.refused(from, why)
		if !e.refusals.Allow() {
			level = slog.LevelDebug
		}
	}
	e.log.LogAttrs(context.Background(), level, "TLS handshake failed", slog.String("from", from), slog.String("error", why))
}
