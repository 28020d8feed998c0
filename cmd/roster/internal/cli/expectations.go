package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/roster-sd/roster/wire"
)

// expectation is an entry of the file of roster policy test.
type expectation struct {
	Identity string `yaml:"identity" json:"identity"`
	Action   string `yaml:"action" json:"action"`
	Service  string `yaml:"service" json:"service,omitempty"`
	Allowed  *bool  `yaml:"allowed" json:"expected"`
	Note     string `yaml:"note" json:"note,omitempty"` // for people
}

// judged is an expectation and what was decided.
type judged struct {
	expectation
	Holds    bool                `json:"holds"`
	Decision wire.PolicyDecision `json:"decision"`
}

// maxExpectations bounds the size of a file of expectations.
const maxExpectations = 4 << 20

func policyTest(env Env, byFile func(string) (Decide, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test FILE",
		Short: "Check a policy against a table of what it should decide",
		Long: `Check a policy against a file of expectations, a YAML list such as

  - {identity: spiffe://example.org/orders, action: register, service: orders, allowed: true}
  - {identity: spiffe://example.org/web, action: register, service: orders, allowed: false, note: only itself}
  - {identity: spiffe://example.org/ops/anna, action: admin, allowed: true}

The registry decides, and tells administrators only; with --config the policy of a file does, which
is what a change of it is tested with before it is rolled out. The exit status is 1 if any
expectation does not hold.`,
		Example: `  roster policy test expectations.yaml --config config.yaml`,
		Args:    args(cobra.ExactArgs(1)),
	}
	j := bindJudge(cmd, env, byFile)
	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		expected, err := readExpectations(list[0])
		if err != nil {
			return err
		}
		decide, done, err := j.open()
		if err != nil {
			return err
		}
		defer done()
		verdicts := make([]judged, len(expected))
		wrong := 0
		for i, e := range expected {
			d, err := decide(cmd.Context(), wire.PolicyQuestion{Identity: e.Identity, Action: e.Action, ServiceName: e.Service})
			if err != nil {
				return fmt.Errorf("expectation %d: %w", i+1, err)
			}
			verdicts[i] = judged{e, d.Allowed == *e.Allowed, d}
			if !verdicts[i].Holds {
				wrong++
			}
		}
		if err := j.print(verdicts, func(w io.Writer) { tellVerdicts(w, verdicts) }); err != nil {
			return err
		}
		if wrong > 0 {
			return fmt.Errorf("%d of %d expectations do not hold", wrong, len(verdicts))
		}
		env.say("All %d expectations hold.", len(verdicts))
		return nil
	}
	return cmd
}

func tellVerdicts(w io.Writer, list []judged) {
	verdict := map[bool]string{true: "allowed", false: "denied"}
	var rows [][]string
	for _, o := range list {
		result := "ok"
		if !o.Holds {
			result = "WRONG"
		}
		rows = append(rows, []string{result, clean(o.Identity), clean(o.Action), clean(o.Service),
			verdict[*o.Allowed], verdict[o.Decision.Allowed], rule(o.Decision), clean(o.Note)})
	}
	grid(w, []string{"RESULT", "IDENTITY", "ACTION", "SERVICE", "EXPECTED", "DECIDED", "RULE", "NOTE"}, rows)
}

// readExpectations reads a file of expectations, and names every entry that lacks something.
func readExpectations(path string) ([]expectation, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read expectations: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxExpectations+1))
	if err != nil {
		return nil, fmt.Errorf("read expectations: %w", err)
	}
	if len(text) > maxExpectations {
		return nil, fmt.Errorf("read expectations: %s has more than %d bytes", path, maxExpectations)
	}
	var list []expectation
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&list); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read expectations: %s: %w", path, err)
	}
	var problems []error
	for i, e := range list {
		switch {
		case e.Identity == "":
			problems = append(problems, fmt.Errorf("expectation %d: identity is missing", i+1))
		case e.Action == "":
			problems = append(problems, fmt.Errorf("expectation %d: action is missing", i+1))
		case e.Allowed == nil:
			problems = append(problems, fmt.Errorf("expectation %d: allowed is missing: true or false", i+1))
		}
	}
	if len(list) == 0 {
		problems = append(problems, errors.New("it holds no expectation"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("read expectations: %s: %w", path, err)
	}
	return list, nil
}
