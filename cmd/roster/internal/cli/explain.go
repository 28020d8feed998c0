package cli

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
	"github.com/spf13/cobra"
)

func explainCommand(env Env) *cobra.Command {
	var opts client.ExplainOptions
	cmd := &cobra.Command{
		Use:   "explain NAME [ID]",
		Short: "Tell why an instance is as it is, or why it left",
		Long: `Tell what is known of an instance that is there, or that left not too long ago: who registered it, what
happened to it since, the largest gap between its heartbeats, and why it left. Without an ID, tell what there
is of the service, who left it lately and why, and which instances come and go.

A node knows of the heartbeats that it took itself. With several addresses each node is asked.`,
		Example: `  roster explain orders
  roster explain orders orders-7f3k2m9q
  roster explain orders orders-7f3k2m9q --address node-1:8443,node-2:8443`,
		Args: args(cobra.RangeArgs(1, 2)),
	}
	cmd.Flags().IntVar(&opts.Limit, "limit", 0, "how many events, and lines of each list, at most")
	s := bind(cmd, env)
	cmd.ValidArgsFunction = s.names(2, false)
	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		c, err := s.connect()
		if err != nil {
			return err
		}
		defer c.Close()
		if len(list) == 1 {
			return s.explainService(cmd.Context(), c, list[0], opts)
		}
		return s.explainInstance(cmd.Context(), c, wire.InstanceRef{ServiceName: list[0], InstanceID: list[1]}, opts)
	}
	return cmd
}

// explained is what is printed of an instance.
type explained struct {
	Conclusion string `json:"conclusion"`
	wire.Explanation
	Nodes []nodeAnswer `json:"nodes"` // all that were asked
}

// nodeAnswer is what one node says for itself.
type nodeAnswer struct {
	Address    string       `json:"address"`
	Node       string       `json:"node,omitempty"`
	State      string       `json:"state,omitempty"`
	Heartbeats *wire.Rhythm `json:"heartbeats,omitempty"`
	Hold       *wire.Hold   `json:"hold,omitempty"`
	Error      string       `json:"error,omitempty"`
}

func (s *session) explainInstance(ctx context.Context, c *client.Client, ref wire.InstanceRef, opts client.ExplainOptions) error {
	answers := c.ExplainOnEach(ctx, ref, opts)
	x, err := chosen(answers, func(x *wire.Explanation) bool { return !x.Incomplete })
	if err != nil {
		return err
	}
	out := explained{Explanation: *x}
	for i := range answers {
		a := &answers[i]
		n := nodeAnswer{Address: a.Address}
		if a.Err != nil {
			n.Error = s.unanswered(a.Address, a.Err)
		} else {
			n.Node, n.State, n.Hold, n.Heartbeats = a.Value.Node, a.Value.State, a.Value.Hold, a.Value.Heartbeats
			if left := a.Value.Left; a.Value.State == wire.ExplainGone && left != nil {
				n.Heartbeats = left.Heartbeats
			}
		}
		out.Nodes = append(out.Nodes, n)
	}
	out.Conclusion = conclude(x, out.Nodes)
	if x.Incomplete {
		s.env.say("The registry cannot reach its backend: events are missing.")
	}
	return s.print(out, func(w io.Writer) { s.explanation(w, &out) })
}

// chosen gives the answer to go by: the first that is good, else the first. Where there is
// none, it gives the error that says most: that of a registry, before that of the network.
func chosen[T any](answers []client.Answered[T], good func(*T) bool) (*T, error) {
	var first *T
	var failed error
	for i := range answers {
		a := &answers[i]
		switch {
		case a.Err != nil:
			if failed == nil || errors.Is(failed, client.ErrUnavailable) && !errors.Is(a.Err, client.ErrUnavailable) {
				failed = a.Err
			}
		case good(&a.Value):
			return &a.Value, nil
		case first == nil:
			first = &a.Value
		}
	}
	if first != nil {
		return first, nil
	}
	return nil, failed
}

// unanswered says that a node gave no answer, and why.
func (s *session) unanswered(address string, err error) string {
	text := err.Error()
	var e *client.Error
	if errors.As(err, &e) {
		text = strings.TrimPrefix(saying(e), "no answer from "+address+": ")
	}
	s.env.say("No answer of %s: %s", clean(address), clean(text))
	return text
}
