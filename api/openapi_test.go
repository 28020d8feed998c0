package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestOpenAPIJSONSaysWhatTheYAMLSays(t *testing.T) {
	var fromYAML any
	if err := yaml.Unmarshal(OpenAPIYAML(), &fromYAML); err != nil {
		t.Fatal(err)
	}
	// Through encoding/json both have the same types of numbers.
	plain, err := json.Marshal(fromYAML)
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := json.Unmarshal(plain, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(OpenAPIJSON(), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("the JSON differs from the YAML")
	}
	if first, second := OpenAPIJSON(), OpenAPIJSON(); &first[0] != &second[0] {
		t.Error("the document was converted twice")
	}
}

func TestConvertKeepsOrderAndText(t *testing.T) {
	got, err := convert([]byte("z: &x {b: 1, a: '<1>'}\ny: *x\nx: [null, true, 1.5, '8443', \"a\\nb\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"z":{"b":1,"a":"<1>"},"y":{"b":1,"a":"<1>"},"x":[null,true,1.5,"8443","a\nb"]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestConvertRefuses(t *testing.T) {
	for name, src := range map[string]string{
		"empty":    "",
		"not YAML": "a: [",
		"not JSON": "a: .nan\n",
	} {
		if got, err := convert([]byte(src)); err == nil {
			t.Errorf("%s: no error, but %s", name, got)
		}
	}
}

func TestOpenAPIYAMLIsEmbedded(t *testing.T) {
	if !bytes.HasPrefix(OpenAPIYAML(), []byte("openapi: 3.1.")) {
		t.Errorf("starts with %.20q", OpenAPIYAML())
	}
}
