package apicheck

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// explain says in one line for each place what is wrong with a value.
//
// A strict schema refuses a property by a schema of false. Where a part of a schema fails,
// the properties that it names count as unnamed, and are refused as well: those refusals
// follow from something else, deeper down or of another kind, which alone is told.
func explain(err error) error {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	english := message.NewPrinter(language.English)
	var faults, unnamed []string
	depth := 0
	for _, leaf := range leaves(invalid, nil) {
		at := "/" + strings.Join(leaf.InstanceLocation, "/")
		if _, ok := leaf.ErrorKind.(*kind.FalseSchema); !ok {
			faults = append(faults, at+": "+leaf.ErrorKind.LocalizedString(english))
			continue
		}
		if n := len(leaf.InstanceLocation); n > depth {
			unnamed, depth = nil, n
		}
		if len(leaf.InstanceLocation) == depth {
			unnamed = append(unnamed, at+": is not in the description")
		}
	}
	if len(faults) == 0 {
		faults = unnamed
	}
	slices.Sort(faults)
	return fmt.Errorf("%s", strings.Join(slices.Compact(faults), "; "))
}

func leaves(err *jsonschema.ValidationError, found []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(err.Causes) == 0 {
		return append(found, err)
	}
	for _, cause := range err.Causes {
		found = leaves(cause, found)
	}
	return found
}
