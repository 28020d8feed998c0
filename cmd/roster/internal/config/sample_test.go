package config

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write config.yaml at the root of the project anew from the table of keys")

// samplePath is the config.yaml that documents every key.
const samplePath = "../../../../config.yaml"

const sampleHead = `# The configuration of roster serve: every key, with its default. Leave out what you do not change.
#
# A value comes from the first of these that has one:
#   1. a flag: the key with dashes, as --tls-cert-file (store.backend is --backend)
#   2. the environment: ROSTER_ and the key in capitals, as ROSTER_TLS_CERT_FILE; lists with commas;
#      an empty variable counts as not set
#   3. the variables of Roster's ancestors, named behind the keys
#   4. this file
#   5. the default
# "roster config print" shows each value and where it comes from, "roster config validate" checks them.
# An unknown key is an error. Durations have a unit: 500ms, 30s, 1h30m. Paths are relative to the
# folder that roster is started in.
`

// sample writes config.yaml from the table of keys.
func sample() []byte {
	var b bytes.Buffer
	b.WriteString(sampleHead)
	var open []string
	for i := range keys {
		k := &keys[i]
		parts := strings.Split(k.Name, ".")
		if len(parts) == 1 || len(open) == 0 || parts[0] != open[0] {
			b.WriteByte('\n')
		}
		for depth, s := range parts[:len(parts)-1] {
			if depth >= len(open)-1 || strings.Join(open[:depth+1], ".") != strings.Join(parts[:depth+1], ".") {
				fmt.Fprintf(&b, "%s%s:\n", strings.Repeat("  ", depth), s)
			}
		}
		open = parts
		indent := strings.Repeat("  ", len(parts)-1)
		for line := range strings.Lines(k.Doc) {
			fmt.Fprintf(&b, "%s# %s\n", indent, strings.TrimSuffix(line, "\n"))
		}
		fmt.Fprintf(&b, "%s%s: %s", indent, parts[len(parts)-1], strings.Join(yamlLines(k.Default), "\n"))
		if k.ancestor != nil && k.ancestor.doc != "" {
			fmt.Fprintf(&b, "  # %s", k.ancestor.doc)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// TestSample holds config.yaml to the table: its text, its keys and its values.
func TestSample(t *testing.T) {
	want := sample()
	if *update {
		if err := os.WriteFile(samplePath, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(samplePath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("config.yaml differs from the table of keys; run go test ./cmd/roster/internal/config -run TestSample -update")
	}
	file, errs := parseFile("config.yaml", got)
	if len(errs) > 0 {
		t.Fatalf("config.yaml does not parse: %v", errs)
	}
	for _, k := range Keys() {
		s, ok := file[k.Name]
		if !ok {
			t.Errorf("config.yaml lacks %s", k.Name)
		} else if !reflect.DeepEqual(s.value, k.Default) {
			t.Errorf("config.yaml has %s: %v, the default is %v", k.Name, s.value, k.Default)
		}
		delete(file, k.Name)
	}
	for name := range file {
		t.Errorf("config.yaml has %s, which is no key", name)
	}
	l, err := Load(Options{File: samplePath, Environ: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(l.Config, Default()) {
		t.Errorf("config.yaml loads as %+v\nwant the default %+v", l.Config, Default())
	}
	if err := l.Validate(); err != nil || len(l.Warnings) > 0 {
		t.Errorf("config.yaml is not valid: %v, warnings %v", err, l.Warnings)
	}
}
