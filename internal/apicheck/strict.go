package apicheck

// closeDocument changes every schema of the description so that a value may have no
// property that the schema does not name. A schema that says additionalProperties: true
// keeps accepting all.
//
// The keyword for it, unevaluatedProperties: false, is put wherever a schema describes a
// whole value, and not into the parts that are combined to describe one (allOf, the
// target of a reference), where it would refuse what the other parts name.
func closeDocument(doc any) {
	walk(doc, "")
}

func walk(v any, pointer string) {
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			at := pointer + "/" + name
			switch {
			case name == "example" || name == "examples":
			case name == "schema" || name == "x-sse-id":
				closeSchema(child, true)
			case name == "x-sse-events":
				closeEach(child, true)
			case at == "/components/schemas":
				closeEach(child, false)
			default:
				walk(child, at)
			}
		}
	case []any:
		for _, child := range v {
			walk(child, pointer+"/-")
		}
	}
}

// closeSchema closes the values below a schema, and, if it describes a whole value, its own.
func closeSchema(v any, whole bool) {
	s, ok := v.(map[string]any)
	if !ok {
		return // true or false
	}
	for name, child := range s {
		switch name {
		case "properties", "patternProperties", "prefixItems":
			closeEach(child, true)
		case "additionalProperties", "items":
			closeSchema(child, true)
		case "allOf", "anyOf", "oneOf", "dependentSchemas":
			closeEach(child, false)
		case "then", "else":
			closeSchema(child, false)
		}
	}
	if !whole || !mayBeObject(s) {
		return
	}
	if _, said := s["unevaluatedProperties"]; !said {
		s["unevaluatedProperties"] = false
	}
}

func closeEach(v any, whole bool) {
	switch v := v.(type) {
	case map[string]any:
		for _, child := range v {
			closeSchema(child, whole)
		}
	case []any:
		for _, child := range v {
			closeSchema(child, whole)
		}
	}
}

// mayBeObject spares the work for schemas of nothing but text or numbers.
func mayBeObject(s map[string]any) bool {
	kind, ok := s["type"].(string)
	return !ok || kind == "object"
}
