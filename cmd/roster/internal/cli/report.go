package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/internal/devfile"
)

// Report tells people of the error that a command returned: what failed, every bad
// field on a line of its own, and what to do next where that is known.
func Report(w io.Writer, err error) {
	var said status
	if err == nil || errors.As(err, &said) {
		return
	}
	var e *client.Error
	if !errors.As(err, &e) {
		fmt.Fprintf(w, "roster: %s\n", cleanLines(err.Error()))
		hint(w, adviseLocal(err))
		return
	}
	text, what := err.Error(), strings.TrimSuffix(err.Error(), e.Error())
	if what == text {
		what = ""
	}
	fmt.Fprintf(w, "roster: %s%s\n", clean(what), clean(saying(e)))
	for _, f := range e.Fields {
		fmt.Fprintf(w, "  %s: %s\n", clean(f.Field), clean(f.Message))
	}
	hint(w, advise(e))
}

func hint(w io.Writer, text string) {
	if text != "" {
		fmt.Fprintln(w, text)
	}
}

// saying gives what the registry said without codes.
func saying(e *client.Error) string {
	switch {
	case errors.Is(e, client.ErrLeaseLost) && e.Reason != "" && (e.Reason != "forced" || e.Detail == ""): // who is kept out is told for how long
		return "the instance is gone: " + e.Reason
	case len(e.Fields) == 1: // the detail would only point at them
		return "a field is not valid"
	case len(e.Fields) > 1:
		return fmt.Sprintf("%d fields are not valid", len(e.Fields))
	case e.Detail != "":
		return e.Detail
	case e.Title != "":
		return e.Title
	}
	return e.Error()
}

// advise says what to do about an error of the registry's or of the network.
func advise(e *client.Error) string {
	switch {
	case e.Status == 0:
		return adviseNetwork(e)
	case errors.Is(e, client.ErrUnauthenticated) && strings.Contains(e.Detail, "certificate"):
		return giveCertificate
	case errors.Is(e, client.ErrUnauthenticated):
		return "Give the instance's token with --token or ROSTER_TOKEN. If it has run out, register again."
	case errors.Is(e, client.ErrForbidden):
		return "The policies of the registry do not allow this to the identity in your certificate."
	case errors.Is(e, client.ErrConflict):
		return "Choose another --id, or give the token of the instance that has it with --token."
	case errors.Is(e, client.ErrLeaseLost):
		if again(e) {
			return "Register it again: roster register."
		}
		return "That was meant: roster events says by whom."
	case errors.Is(e, client.ErrNotFound):
		return "To see what there is: roster ls."
	case e.RetryAfter > 0:
		return fmt.Sprintf("Try again in %s.", e.RetryAfter)
	case e.Code == "":
		return "Is this the address of a Roster registry, and does it want https://?"
	}
	return ""
}

const giveCertificate = "Give a certificate that the registry accepts with --cert and --key (ROSTER_CERT, ROSTER_KEY)."

// refusedCertificate tells whether the registry ended the handshake over the caller's
// certificate, or for want of one. The alert says so in text only.
func refusedCertificate(err error) bool {
	text := err.Error()
	return strings.Contains(text, "remote error: tls:") && (strings.Contains(text, "certificate required") ||
		strings.Contains(text, "bad certificate") || strings.Contains(text, "unknown certificate authority") ||
		strings.Contains(text, "expired certificate"))
}

func adviseNetwork(e *client.Error) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	text := e.Error()
	switch {
	case errors.As(e, &authority):
		return "Give the root certificate of the registry with --ca or ROSTER_CA."
	case errors.As(e, &host):
		return "Use a name that the certificate of the registry holds, or issue it another one: roster pki issue."
	case refusedCertificate(e):
		return giveCertificate
	case errors.As(e, &record), strings.Contains(text, "HTTP response to HTTPS client"):
		return "It does not speak TLS: give the address with http://."
	case errors.Is(e, syscall.ECONNREFUSED):
		return "Is it running there? For a local one: roster dev."
	}
	return ""
}

func adviseLocal(err error) string {
	switch {
	case errors.Is(err, errNoRegistry):
		return "Start one on this machine:  roster dev\nOr say where it is:         --address HOST:PORT, or ROSTER_ADDRESS"
	case errors.Is(err, devfile.ErrUntrusted):
		return "Remove that file, or say where the registry is with --address HOST:PORT."
	}
	return ""
}
