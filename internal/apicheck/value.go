package apicheck

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// parseJSON reads exactly one JSON value, of unique keys and valid UTF-8.
func parseJSON(b []byte) (any, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(b))
	if _, err := dec.ReadValue(); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("more after the JSON value")
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(b))
}

// check validates a value.
func (s *schema) check(v any) error { return explain(s.Validate(v)) }

// checkJSON parses b and validates it.
func (s *schema) checkJSON(b []byte) error {
	v, err := parseJSON(b)
	if err != nil {
		return err
	}
	return s.check(v)
}

// checkText validates the text of a parameter or header, read as the schema's type.
func (s *schema) checkText(texts ...string) error {
	if s.kind == "array" {
		list := make([]any, len(texts))
		for i, text := range texts {
			list[i] = fromText(s.items, text)
		}
		return s.check(list)
	}
	if len(texts) != 1 {
		return fmt.Errorf("given %d times, not once", len(texts))
	}
	return s.check(fromText(s.kind, texts[0]))
}

// fromText leaves what does not read as the type as it is: the schema then refuses it.
func fromText(kind, text string) any {
	switch kind {
	case "integer", "number":
		if json.Valid([]byte(text)) {
			return json.Number(text)
		}
	case "boolean":
		switch text {
		case "true":
			return true
		case "false":
			return false
		}
	}
	return text
}

// shorten keeps error messages readable.
func shorten(b []byte) string {
	const most = 600
	if len(b) > most {
		return fmt.Sprintf("%s… (%d bytes)", b[:most], len(b))
	}
	return string(b)
}
