package cli

import (
	"errors"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestYAMLKeepsStrings(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain\n", "1.10": "\"1.10\"\n", "true": "\"true\"\n", "yes": "\"yes\"\n", "Off": "\"Off\"\n",
		"12:30:45": "\"12:30:45\"\n", "127.0.0.1:80": "127.0.0.1:80\n", "": "\"\"\n", "null": "\"null\"\n",
		"2026-03-04": "\"2026-03-04\"\n", "a: b": "'a: b'\n", "- a": "'- a'\n", "a\nb": "|-\n    a\n    b\n",
	} {
		got, err := toYAML(in)
		if err != nil || string(got) != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
		var back any
		if err := yaml.Unmarshal(got, &back); err != nil || back != in {
			t.Errorf("%q comes back as %v, %v", in, back, err)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

// What could not be printed must not look like success.
func TestPrintingFails(t *testing.T) {
	w := newWorld(t).at(registry(t, map[string]string{"GET /registry/services": services}))
	for _, output := range []string{"table", "json", "yaml"} {
		cmd := lsCommand(Env{Stdout: full{}, Stderr: &w.err, Getenv: func(name string) string { return w.env[name] }}.filled())
		cmd.SetArgs([]string{"-o", output})
		if err := cmd.ExecuteContext(w.ctx); err == nil {
			t.Errorf("%s: no error", output)
		}
	}
}
