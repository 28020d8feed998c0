package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/roster-sd/roster/cmd/roster/internal/cli"
	"github.com/roster-sd/roster/cmd/roster/internal/config"
)

// misuse marks what is wrong with a command line and was found by those who do not know
// of exit codes, and says it in words for people.
func misuse(err error) error {
	if err == nil {
		return nil
	}
	var value *pflag.InvalidValueError
	if errors.As(err, &value) {
		if want := wanted[value.GetFlag().Value.Type()]; want != "" {
			return cli.Usage(fmt.Errorf("invalid argument %q for --%s: want %s", value.GetValue(), value.GetFlag().Name, want))
		}
	}
	text := err.Error()
	if strings.HasPrefix(text, "unknown command ") {
		text, near, _ := strings.Cut(text, "\n\nDid you mean this?\n")
		if names := strings.Fields(near); len(names) > 0 {
			return cli.Usage(fmt.Errorf("%s; did you mean %s?", text, strings.Join(names, " or ")))
		}
		return cli.Usage(err)
	}
	if errors.Is(err, config.ErrFormat) {
		return cli.Usage(err)
	}
	return err
}

// wanted says, by the type of a flag, what its value must be, where the parser would tell
// of its functions instead.
var wanted = map[string]string{
	"int":      "a number",
	"bool":     "true or false",
	"duration": "a number with a unit, such as 30s, 500ms or 1h30m",
}
