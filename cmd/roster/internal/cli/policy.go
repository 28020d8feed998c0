package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/roster-sd/roster/wire"
)

// Decide answers what a policy decides.
type Decide func(context.Context, wire.PolicyQuestion) (wire.PolicyDecision, error)

// PolicyCommand gives roster policy. byFile reads the policy of a configuration file.
func PolicyCommand(env Env, byFile func(file string) (Decide, error)) *cobra.Command {
	env = env.filled()
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Ask what the policy allows, and test it",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(policyCheck(env, byFile), policyTest(env, byFile))
	return cmd
}

// judge is what both commands share: who decides.
type judge struct {
	*session
	file   string
	byFile func(file string) (Decide, error)
}

func bindJudge(cmd *cobra.Command, env Env, byFile func(file string) (Decide, error)) *judge {
	j := &judge{session: bind(cmd, env), byFile: byFile}
	cmd.Flags().StringVar(&j.file, "config", "", "decide by the policy of this configuration file, without a registry")
	return j
}

// open gives who decides, and what to call when it is not needed any more.
func (j *judge) open() (decide Decide, done func(), err error) {
	if j.file != "" {
		decide, err = j.byFile(j.file)
		return decide, func() {}, err
	}
	c, err := j.connect()
	if err != nil {
		return nil, nil, err
	}
	return c.CheckPolicy, c.Close, nil
}

func policyCheck(env Env, byFile func(string) (Decide, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check IDENTITY ACTION [SERVICE]",
		Short: "Ask whether an identity may register, discover or administer, and why",
		Long: `Ask what would be decided, without doing it: whether the identity may do the action (register,
discover or admin), which rule says so, and what would have to change for the other answer. The
registry decides, and tells administrators only; with --config the policy of a file does.

The exit status is 0 for what is allowed and 4 for what is not.`,
		Example: `  roster policy check spiffe://example.org/orders register orders
  roster policy check web discover orders --config config.yaml`,
		Args:              args(cobra.RangeArgs(2, 3)),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	j := bindJudge(cmd, env, byFile)
	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		q := wire.PolicyQuestion{Identity: list[0], Action: list[1]}
		if len(list) == 3 {
			q.ServiceName = list[2]
		}
		decide, done, err := j.open()
		if err != nil {
			return err
		}
		defer done()
		d, err := decide(cmd.Context(), q)
		if err != nil {
			return err
		}
		err = j.print(d, func(w io.Writer) {
			verdict := "denied"
			if d.Allowed {
				verdict = "allowed"
			}
			fmt.Fprintf(w, "%s: %s\n", verdict, clean(d.Reason))
			for _, line := range d.Change {
				fmt.Fprintf(w, "  %s\n", clean(line))
			}
		})
		if err == nil && !d.Allowed {
			return errDenied
		}
		return err
	}
	return cmd
}

// rule names the rule of a decision, in a table.
func rule(d wire.PolicyDecision) string {
	if d.Rule == nil {
		return ""
	}
	return "auth.policies[" + strconv.Itoa(d.Rule.Index) + "]"
}
