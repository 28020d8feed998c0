package config

import (
	"errors"
	"io/fs"
	"os"
)

// CheckFiles reports every file named in the configuration, and used by it, that is not
// there or cannot be read, all at once. Files of a backend count if it is the chosen one.
func (c *Config) CheckFiles() error {
	var problems problemList
	check := func(key, name, advice string) {
		if name == "" {
			return
		}
		if problem := unreadable(name); problem != "" {
			problems.add(Source{}, key, "%s %s%s", name, problem, advice)
		}
	}
	if c.TLS.CertFile != "" {
		const advice = "; roster pki init and roster pki issue make certificates"
		check("tls.cert_file", c.TLS.CertFile, advice)
		check("tls.key_file", c.TLS.KeyFile, advice)
		check("tls.client_ca_file", c.TLS.ClientCAFile, advice)
		check("tls.crl_file", c.TLS.CRLFile, "")
	}
	if c.Checks.Enabled {
		check("checks.ca_file", c.Checks.CAFile, "")
		check("checks.cert_file", c.Checks.CertFile, "")
		check("checks.key_file", c.Checks.KeyFile, "")
	}
	var backend *BackendTLS
	switch c.Store.Backend {
	case Redis:
		check("store.redis.password_file", c.Store.Redis.PasswordFile, "")
		if c.Store.Redis.TLS.Enabled {
			backend = &c.Store.Redis.TLS.BackendTLS
		}
	case Etcd:
		check("store.etcd.password_file", c.Store.Etcd.PasswordFile, "")
		backend = &c.Store.Etcd.TLS
	}
	if backend != nil {
		prefix := "store." + c.Store.Backend + ".tls."
		check(prefix+"ca_file", backend.CAFile, "")
		check(prefix+"cert_file", backend.CertFile, "")
		check(prefix+"key_file", backend.KeyFile, "")
	}
	return problems.err("check files")
}

// CheckFiles is [Config.CheckFiles] with the place of each name.
func (l *Loaded) CheckFiles() error { return l.locate(l.Config.CheckFiles()) }

// unreadable says why a file cannot be read, "" if it can.
func unreadable(name string) string {
	f, err := os.Open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "may not be read by this user"
	case err != nil:
		return "cannot be opened"
	}
	defer func() { _ = f.Close() }() // it was only opened
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return "is a directory"
	}
	return ""
}
