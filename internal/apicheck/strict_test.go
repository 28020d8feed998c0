package apicheck

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The same values against a description as it is published and as it is read here.
func TestStrictDocument(t *testing.T) {
	src := []byte(`{
	  "components": {
	    "schemas": {
	      "Base": {"type": "object", "properties": {"a": {"type": "string"}, "in": {"$ref": "#/components/schemas/Inner"}}},
	      "Inner": {"type": "object", "properties": {"x": {"type": "string"}}},
	      "Free": {"type": "object", "additionalProperties": true}
	    },
	    "responses": {
	      "NotFound": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Base", "properties": {"b": {"type": "string"}}}}}},
	      "MethodNotAllowed": {"content": {"application/json": {"schema": {
	        "allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {"list": {"type": "array", "items": {"$ref": "#/components/schemas/Inner"}}}}],
	        "properties": {"map": {"additionalProperties": {"$ref": "#/components/schemas/Inner"}}, "free": {"$ref": "#/components/schemas/Free"}},
	        "if": {"required": ["a"]}, "then": {"properties": {"c": {"type": "string"}}}
	      }}}}
	    }
	  },
	  "paths": {}
	}`)
	strict, err := load(src, true)
	if err != nil {
		t.Fatal(err)
	}
	published, err := load(src, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		of   string
		json string
		want bool
	}{
		{"reference", `{"a":"1","b":"2"}`, true},
		{"reference", `{"a":"1","z":"2"}`, false},
		{"reference", `{"in":{"x":"1"}}`, true},
		{"reference", `{"in":{"z":"1"}}`, false},
		{"combined", `{"a":"1","list":[{"x":"1"}],"c":"1"}`, true},
		{"combined", `{"list":[{"z":"1"}]}`, false},
		{"combined", `{"c":"1"}`, false}, // named only where there is an a
		{"combined", `{"map":{"k":{"x":"1"}}}`, true},
		{"combined", `{"map":{"k":{"z":"1"}}}`, false},
		{"combined", `{"free":{"z":{"z":"1"}}}`, true},
	} {
		pick := func(d *document) *schema {
			if c.of == "combined" {
				return d.native[405].content["application/json"].schema
			}
			return d.native[404].content["application/json"].schema
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(c.json)))
		if err != nil {
			t.Fatal(err)
		}
		if err := pick(strict).check(v); (err == nil) != c.want {
			t.Errorf("strict, %s: %s: %v", c.of, c.json, err)
		}
		if err := pick(published).check(v); err != nil {
			t.Errorf("published, %s: %s: %v", c.of, c.json, err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	const frame = `{"components":{"responses":{"NotFound":{},"MethodNotAllowed":{}}},"paths":{"/x":{"get":%s}}}`
	for name, op := range map[string]string{
		"a range of statuses":       `{"responses":{"2XX":{}}}`,
		"a default":                 `{"responses":{"default":{}}}`,
		"a reference to nothing":    `{"responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Nothing"}}}}}}`,
		"a schema that is none":     `{"parameters":[{"name":"a","in":"query","schema":{"type":"text"}}],"responses":{}}`,
		"a body that is none":       `{"requestBody":{"content":{"application/json":{"schema":{"minLength":-1}}}},"responses":{}}`,
		"an event that is none":     `{"responses":{"200":{"content":{"text/event-stream":{"x-sse-events":{"put":{"type":"text"}}}}}}}`,
		"a header that is none":     `{"responses":{"200":{"headers":{"A":{"schema":{"type":"text"}}}}}}`,
		"something that is no JSON": `{`,
	} {
		src := bytes.ReplaceAll([]byte(frame), []byte("%s"), []byte(op))
		if _, err := load(src, true); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
