package config

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ancestor reads a key from the variables that Roster's ancestors were configured with,
// so that what ran them runs Roster.
type ancestor struct {
	doc string // how config.yaml names the variables
	dev bool   // for roster dev; else for roster serve
	// read gives the value and the variables that it comes from, "" if none is set.
	read func(env map[string]string) (value any, from string, err error)
}

var ancestorPort = ancestor{doc: "PORT", read: func(env map[string]string) (any, string, error) {
	s := env["PORT"]
	if s == "" {
		return nil, "", nil
	}
	if n, err := strconv.ParseUint(s, 10, 16); err != nil || n == 0 {
		return nil, "PORT", errors.New("want a port, 1 to 65535")
	}
	return ":" + s, "PORT", nil
}}

var (
	ancestorCert = ancestorFile(defaultCert, "TLS_CERT_FILE")
	ancestorKey  = ancestorFile(defaultKey, "TLS_KEY_FILE")
	ancestorCA   = ancestorFile(defaultCA, "TLS_CA_FILE")
)

// ancestorFile reads a path from TLS_CERT_DIR and the variable of the file. The directory
// alone moves the file of the default's name; the file alone is a path of its own, as is
// an absolute one.
func ancestorFile(byDefault, variable string) ancestor {
	const dirVariable = "TLS_CERT_DIR"
	return ancestor{doc: dirVariable + " + " + variable, read: func(env map[string]string) (any, string, error) {
		dir, file := env[dirVariable], env[variable]
		switch {
		case dir == "" && file == "":
			return nil, "", nil
		case file == "":
			return filepath.Join(dir, filepath.Base(byDefault)), dirVariable, nil
		case dir == "" || filepath.IsAbs(file):
			return file, variable, nil
		}
		return filepath.Join(dir, file), dirVariable + " + " + variable, nil
	}}
}

var ancestorSweep = ancestor{doc: "CLEANUP_SERVICE_INTERVAL_MS", read: func(env map[string]string) (any, string, error) {
	return milliseconds(env, "CLEANUP_SERVICE_INTERVAL_MS")
}}

var ancestorTTL = ancestor{doc: "SVC_TTL in roster dev, milliseconds", dev: true, read: func(env map[string]string) (any, string, error) {
	return milliseconds(env, "SVC_TTL")
}}

// ancestorMinTTL lowers the minimum to SVC_TTL where that is below the default of it.
var ancestorMinTTL = ancestor{dev: true, read: func(env map[string]string) (any, string, error) {
	v, from, err := milliseconds(env, "SVC_TTL")
	if d, ok := v.(time.Duration); err != nil || !ok || d >= defaultMinTTL {
		return nil, "", nil // an error is that of lease.default_ttl
	}
	return v, from, nil
}}

func milliseconds(env map[string]string, name string) (any, string, error) {
	s := strings.TrimSpace(env[name])
	if s == "" {
		return nil, "", nil
	}
	const most = int64(365 * 24 * time.Hour / time.Millisecond)
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > most {
		return nil, name, errors.New("want a number of milliseconds, at least 1")
	}
	return time.Duration(n) * time.Millisecond, name, nil
}

// fromAncestors reads the ancestors' variables, but for keys that skip already has.
func fromAncestors(env map[string]string, dev bool, skip settings) (settings, problemList) {
	got := settings{}
	var problems problemList
	for i := range keys {
		k := &keys[i]
		if k.ancestor == nil || k.ancestor.dev != dev {
			continue
		}
		if _, has := skip[k.Name]; has {
			continue
		}
		v, from, err := k.ancestor.read(env)
		at := Source{Layer: FromAncestor, Name: from}
		switch {
		case err != nil:
			problems.add(at, k.Name, "%s is wrong: %v", quoteValue(k, env[from]), err)
		case from != "":
			got[k.Name] = setting{value: v, source: at}
		}
	}
	return got, problems
}
