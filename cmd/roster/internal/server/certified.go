package server

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/internal/requestid"
	"github.com/roster-sd/roster/wire"
)

// certified refuses, over mutual TLS, the requests of those whose certificate has ended or was
// revoked since their connection was made. The routes below /registry/ ask for themselves, and
// know how to say it; this is for the others, which ask for no identity: metrics, readiness
// and the description.
func (s *Server) certified(h http.Handler) http.Handler {
	if s.material == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil && !strings.HasPrefix(r.URL.Path, "/registry/") {
			if err := s.material.CheckConnection(r.TLS, time.Now()); err != nil {
				id := requestID(w, r)
				s.registry.LogRefusal(r.Context(), hostOf(r.RemoteAddr), "caller refused", slog.String("from", r.RemoteAddr),
					slog.String("request", id), slog.Any("error", err))
				s.registry.Audit(audit.Event{Kind: audit.CertificateRefused, Outcome: audit.Deny, From: hostOf(r.RemoteAddr),
					Request: id, Why: err.Error()})
				refuseCertificate(w)
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}

// requestID names a request that is answered before the API sees it.
func requestID(w http.ResponseWriter, r *http.Request) string {
	requestid.Accept(w.Header(), r.Header)
	return requestid.Answer(w.Header()).RequestID()
}

func refuseCertificate(w http.ResponseWriter) {
	const status = http.StatusUnauthorized
	body, err := json.Marshal(wire.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: "the client certificate is no longer good", Code: wire.CodeUnauthenticated})
	if err != nil {
		panic("server: encode a problem: " + err.Error())
	}
	w.Header().Set("Content-Type", wire.ContentTypeProblem)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that is gone needs no answer
}
