package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
)

// NewCommand gives roster config with print and validate. Both take the flags of roster
// serve, so that they show what it would run with.
func NewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show or check the configuration of roster serve",
		Args:  cobra.NoArgs,
		// Without it cobra takes an unknown command below this one for a call for help.
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPrint(), newValidate())
	return cmd
}

func newPrint() *cobra.Command {
	var file, output string
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print each value and where it comes from",
		Long: "Print each value of the configuration and where it comes from: a flag, the environment, the file\n" +
			"or the default. Secrets are masked. The yaml form is itself a configuration file.",
		Example: "  roster config print --config config.yaml\n  ROSTER_LOG_LEVEL=debug roster config print -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := load(cmd, file)
			if err != nil {
				return err
			}
			return l.Print(cmd.OutOrStdout(), output)
		},
	}
	bind(cmd, &file)
	cmd.Flags().StringVarP(&output, "output", "o", FormatYAML, "yaml, table or json")
	return cmd
}

func newValidate() *cobra.Command {
	var file string
	var files bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration and list every problem",
		Long: "Check the configuration and list every problem at once: unknown keys, wrong types and values that\n" +
			"break a rule. A file that it names and that cannot be read is told as a warning, or, with --files,\n" +
			"is a problem.",
		Example: "  roster config validate --config config.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := load(cmd, file)
			if err != nil {
				return err
			}
			return validate(cmd, l, files)
		},
	}
	bind(cmd, &file)
	cmd.Flags().BoolVar(&files, "files", false, "a file that cannot be read is a problem, not a warning")
	return cmd
}

// bind adds the flags that both commands have.
func bind(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "config", "", "configuration `file`, YAML")
	BindServeFlags(cmd.Flags())
	if err := CompleteFlags(cmd); err != nil {
		panic(err) // a flag was registered twice: no command could be made at all
	}
	// What is wrong is in the configuration; the usage of the command would bury it.
	cmd.SilenceUsage = true
}

// load reads the configuration and tells the warnings.
func load(cmd *cobra.Command, file string) (*Loaded, error) {
	l, err := Load(Options{File: file, Flags: cmd.Flags()})
	if err != nil {
		return nil, err
	}
	for _, w := range l.Warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), "warning:", w)
	}
	return l, nil
}

func validate(cmd *cobra.Command, l *Loaded, files bool) error {
	var found []error
	var problems *Problems
	if errors.As(l.Validate(), &problems) {
		found = problems.List
	}
	if errors.As(l.CheckFiles(), &problems) {
		if files {
			found = slices.Concat(found, problems.List)
		} else {
			for _, p := range problems.List {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning:", p)
			}
		}
	}
	if err := problemList(found).err("validate configuration"); err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), "ok:", l.summary())
	return nil
}

// summary counts the keys by layer.
func (l *Loaded) summary() string {
	count := map[Layer]int{}
	for i := range keys {
		count[l.layers.setting(&keys[i]).source.Layer]++
	}
	from := "no file"
	if l.File != "" {
		from = fmt.Sprintf("%d from %s", count[FromFile], l.File)
	}
	return fmt.Sprintf("%d keys: %s, %d from the environment, %d from flags, %d defaults", len(keys), from,
		count[FromEnvironment]+count[FromAncestor], count[FromFlag], count[FromDefault])
}
