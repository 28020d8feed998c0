package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func dumpCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dump",
		Short: "Print the whole registry as JSON lines, without secrets",
		Long: `Print every instance with who registered it, as JSON texts, one a line. The first line tells of the
registry, the last is {"kind":"end",…}: a dump without it was cut off, which is also an error. For
administrators.`,
		Example: `  roster dump | jq -r 'select(.kind == "instance") | .owner' | sort | uniq -c`,
		Args:    args(cobra.NoArgs),
	}
	s := bind(cmd, env)
	_ = cmd.Flags().MarkHidden("output") // there is one form
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := s.connect()
		if err != nil {
			return err
		}
		defer c.Close()
		out := json.NewEncoder(env.Stdout)
		out.SetEscapeHTML(false)
		for line, err := range c.Dump(cmd.Context()) {
			if err != nil {
				return err
			}
			if err := out.Encode(line); err != nil {
				return fmt.Errorf("dump: %w", err)
			}
		}
		return nil
	}
	return cmd
}
