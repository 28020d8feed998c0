package pkicli

import (
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/roster-sd/roster/internal/pki"
)

func newList() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List what was issued, and what became of it",
		Example: "  roster pki list\n  roster pki list -o json",
		Args:    arguments(cobra.NoArgs),
		RunE:    action(func(s *session, _ []string) error { return s.list() }),
	}
	addOutput(cmd)
	return cmd
}

// listed is an entry as JSON and YAML have it.
type listed struct {
	State string `json:"state"`
	pki.Entry
}

func (s *session) list() error {
	entries, err := pki.List(s.dir)
	if err != nil {
		return err
	}
	now := time.Now()
	all := make([]listed, len(entries)) // [] and not null where nothing was issued
	for i, e := range entries {
		all[i] = listed{e.State(now), e}
	}
	if len(entries) == 0 && s.form == forms[0] {
		s.say("Nothing was issued yet.")
		s.next(s.command("issue", "my-service"))
		return nil
	}
	return s.print(all, entryHeader, entryRows(entries, now))
}

var entryHeader = table.Row{"name", "kind", "state", "until", "serial", "known as"}

func entryRows(entries []pki.Entry, now time.Time) []table.Row {
	rows := make([]table.Row, len(entries))
	for i := range entries {
		e := &entries[i]
		known := e.Identity
		if known == "" {
			known = strings.Join(e.SANs, ", ")
		}
		rows[i] = table.Row{e.Name, e.Kind, e.State(now), day(e.NotAfter), e.Serial, known}
	}
	return rows
}

// completeRevocable offers what can still be revoked, by name and by serial number.
func completeRevocable(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	dir, err := cmd.Flags().GetString("dir")
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	entries, err := pki.List(dir)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []cobra.Completion
	names := map[string]bool{}
	for i := range entries {
		e := &entries[i]
		if e.State(time.Now()) != pki.StateValid {
			continue
		}
		if !names[e.Name] {
			names[e.Name] = true
			words = append(words, cobra.CompletionWithDesc(e.Name, "every "+e.Kind+" certificate of the name"))
		}
		words = append(words, cobra.CompletionWithDesc(e.Serial, e.Name+", until "+day(e.NotAfter)))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
