package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
	"github.com/spf13/cobra"
)

func watchCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "watch [NAME...]",
		Short: "Follow changes as they happen",
		Long: `Follow changes as they happen, until interrupted. A line begins with the time and
  =  an instance that is there at first    +  a new one
  ~  one that changed                      -  one that is gone, and why
With -o json every event of the registry is a line of JSON.`,
		Example: `  roster watch
  roster watch orders payments --zone eu-1`,
		Args: args(cobra.ArbitraryArgs),
	}
	filter := bindFilter(cmd)
	s := bind(cmd, env)
	cmd.ValidArgsFunction = s.names(0, true)
	cmd.RunE = func(cmd *cobra.Command, list []string) error {
		chosen, err := filter.get()
		if err != nil {
			return err
		}
		c, err := s.connect()
		if err != nil {
			return err
		}
		defer c.Close()
		return s.follow(cmd.Context(), c, list, chosen)
	}
	return cmd
}

// follow prints changes until ctx ends; of all services where none is named.
func (s *session) follow(ctx context.Context, c *client.Client, services []string, filter client.Filter) error {
	w, err := c.Watch(ctx, client.WatchOptions{Services: services, Filter: filter, OnRetry: s.retrying})
	if err != nil {
		return err
	}
	defer w.Close()
	show := s.shower()
	for {
		e, err := w.Next(ctx)
		if ctx.Err() != nil {
			return nil // interrupted: that is how a watch ends
		}
		if err != nil {
			return err
		}
		if err := show(e); err != nil {
			return err
		}
	}
}

func (s *session) retrying(err error, wait time.Duration) {
	s.env.say("%s; trying again in %s", clean(err.Error()), wait.Round(100*time.Millisecond))
}

// shower gives what prints events in the form that the user asked for.
func (s *session) shower() func(client.Event) error {
	switch s.output {
	case formatJSON:
		return func(e client.Event) error {
			enc := json.NewEncoder(s.env.Stdout)
			enc.SetEscapeHTML(false)
			return written(enc.Encode(lineOf(e)))
		}
	case formatYAML:
		return func(e client.Event) error {
			document, err := toYAML(lineOf(e))
			if err != nil {
				return err
			}
			_, err = s.env.Stdout.Write(append([]byte("---\n"), document...))
			return written(err)
		}
	}
	p := &changePrinter{env: s.env}
	return p.show
}

// line is an event as -o json prints it.
type line struct {
	Event string `json:"event"`
	ID    string `json:"id,omitempty"`
	Data  any    `json:"data,omitempty"`
}

func lineOf(e client.Event) line {
	l := line{Event: e.Type, ID: e.ID}
	switch e.Type {
	case wire.WatchSnapshot:
		l.Data = e.Snapshot
	case wire.WatchPut:
		l.Data = e.Instance
	case wire.WatchDelete:
		l.Data = e.Deleted
	}
	return l
}

// changePrinter prints changes in columns, which grow as longer names come by.
type changePrinter struct {
	env    Env
	view   view
	widths [3]int
	begun  bool
}

func (p *changePrinter) show(e client.Event) error {
	if e.Type == wire.WatchResync {
		p.env.say("The registry asks to begin again; what changed meanwhile follows.")
	}
	changes := p.view.apply(e)
	for _, c := range changes {
		for i, cell := range cells(c) {
			p.widths[i] = max(p.widths[i], text.StringWidth(cell))
		}
	}
	out := &sticky{w: p.env.Stdout}
	for _, c := range changes {
		p.print(out, c)
	}
	if p.view.warm && !p.begun {
		p.begun = true
		p.env.say("%s at first. Watching; interrupt (Ctrl-C) to end.", count(len(p.view.known), "instance"))
	}
	return written(out.err)
}

func cells(c change) [3]string {
	return [3]string{clean(c.in.ServiceName), clean(c.in.InstanceID), place(c.in)}
}

func (p *changePrinter) print(w io.Writer, c change) {
	colour := map[byte]string{'+': green, '~': yellow, '-': red}[c.sign]
	var b strings.Builder
	b.WriteString(p.env.Now().Format(time.TimeOnly))
	b.WriteString("  " + p.env.paint(colour, string(c.sign)))
	for i, cell := range cells(c) {
		b.WriteString("  " + cell + strings.Repeat(" ", p.widths[i]-text.StringWidth(cell)))
	}
	b.WriteString("  " + c.what)
	fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
