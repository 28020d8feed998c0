package logging

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
)

// Masked stands where a secret would have been written.
const Masked = "[masked]"

// secretNames are the endings of names whose values are secrets, in lower case, without
// separators: X-Instance-Token ends in token, but token_ttl and tokenExpiresAt do not.
var secretNames = []string{
	"token", "authorization", "password", "passwd", "passphrase", "secret", "cookie",
	"apikey", "privatekey", "credential", "credentials",
}

// secretName tells whether a value under this name is a secret.
func secretName(name string) bool {
	name = fold(name)
	for _, s := range secretNames {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

// secretValue tells whether the attribute is a secret by its name. An empty string is
// not: that a token is missing is worth reading. Plurals name numbers as often as
// secrets, so numbers under them pass.
func secretValue(a slog.Attr) bool {
	if a.Value.Kind() == slog.KindString && a.Value.String() == "" {
		return false
	}
	if secretName(a.Key) {
		return true
	}
	singular, plural := strings.CutSuffix(fold(a.Key), "s")
	kind := a.Value.Kind()
	return plural && secretName(singular) && (kind == slog.KindString || kind == slog.KindAny)
}

// fold gives a name in lower case and without its separators.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '-' || r == '_' || r == '.' || r == ' ':
			return -1
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// maskAny masks the secrets in a value of any type. What knows its own text keeps its
// type unless the text holds a secret; maps, structs and lists are rebuilt by their JSON
// names without the secrets.
func maskAny(v slog.Value) slog.Value {
	switch x := v.Any().(type) {
	case nil:
		return v
	case []byte:
		return slog.StringValue(maskText(string(x)))
	case error, fmt.Stringer, encoding.TextMarshaler:
		text := textOf(x)
		if masked := maskText(text); masked != text {
			return slog.StringValue(masked)
		}
		if _, own := x.(json.Marshaler); !own {
			return slog.StringValue(text)
		}
	}
	rv := reflect.ValueOf(v.Any())
	for rv.Kind() == reflect.Pointer && !rv.IsNil() {
		rv = rv.Elem()
	}
	switch rv.Kind() {
	case reflect.Map, reflect.Struct, reflect.Slice, reflect.Array:
		return maskJSON(v)
	case reflect.String:
		return slog.StringValue(maskText(rv.String()))
	}
	return v
}

// maskJSON takes the value through JSON, where every name is visible, and masks it there.
func maskJSON(v slog.Value) slog.Value {
	b, err := json.Marshal(v.Any())
	if err != nil {
		return slog.StringValue(fmt.Sprintf("!ERROR: %T cannot be logged: %v", v.Any(), err))
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return slog.StringValue(fmt.Sprintf("!ERROR: %T cannot be logged: %v", v.Any(), err))
	}
	return slog.AnyValue(maskTree(tree))
}

func maskTree(tree any) any {
	switch t := tree.(type) {
	case map[string]any:
		for k, v := range t {
			if n, ok := v.(json.Number); ok && !secretName(k) {
				t[k] = n // under a plural: a count
				continue
			}
			if secretValue(slog.Any(k, v)) {
				t[k] = Masked
				continue
			}
			t[k] = maskTree(v)
		}
	case []any:
		for i := range t {
			t[i] = maskTree(t[i])
		}
	case string:
		return maskText(t)
	}
	return tree
}
