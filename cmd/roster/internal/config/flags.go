package config

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// BindServeFlags adds a flag for every key that can have one. The defaults that the help
// shows are those of roster serve. Their values are read by [Load].
func BindServeFlags(fs *pflag.FlagSet) {
	for i := range keys {
		k := &keys[i]
		if k.Flag() == "" {
			continue
		}
		f := fs.VarPF(&flagValue{key: k, text: format(k.Default)}, k.Flag(), "", usage(k))
		if k.Kind == KindBool {
			f.NoOptDefVal = "true"
		}
	}
}

// CompleteFlags makes the shell complete the values of those flags of cmd that have a
// fixed set of them.
func CompleteFlags(cmd *cobra.Command) error {
	for i := range keys {
		k := &keys[i]
		if k.OneOf == nil || cmd.Flags().Lookup(k.Flag()) == nil {
			continue
		}
		err := cmd.RegisterFlagCompletionFunc(k.Flag(), cobra.FixedCompletions(k.OneOf, cobra.ShellCompDirectiveNoFileComp))
		if err != nil {
			return err
		}
	}
	return nil
}

// usage is the first sentence of the key's text, as flags' help has it, and its variable.
func usage(k *Key) string {
	line, _, _ := strings.Cut(k.Doc, "\n")
	line, _, _ = strings.Cut(line, ". ")
	line = strings.TrimSuffix(line, ".")
	if len(line) > 1 && line[1] >= 'a' && line[1] <= 'z' {
		line = strings.ToLower(line[:1]) + line[1:]
	}
	return line + " [" + k.Env() + "]"
}

// flagValue is the value of a flag: text that was found to be of the key's kind.
type flagValue struct {
	key  *Key
	text string
	set  bool
}

// Set takes a value of the key's kind. A flag for a list may be repeated.
func (f *flagValue) Set(s string) error {
	if _, err := f.key.Kind.parse(s); err != nil {
		return err
	}
	if f.set && f.key.Kind == KindList && f.text != "" && s != "" {
		s = f.text + "," + s
	}
	f.text, f.set = s, true
	return nil
}

// String gives the text of the value, which Load parses.
func (f *flagValue) String() string { return f.text }

// Type is the word for the value in the help.
func (f *flagValue) Type() string { return f.key.Kind.name() }

// fromFlags reads the flags that were given.
func fromFlags(fs *pflag.FlagSet) (settings, problemList) {
	got := settings{}
	var problems problemList
	if fs == nil {
		return got, nil
	}
	for i := range keys {
		k := &keys[i]
		f := fs.Lookup(k.Flag())
		if f == nil || !f.Changed {
			continue
		}
		at := Source{Layer: FromFlag, Name: f.Name}
		v, err := k.Kind.parse(f.Value.String())
		if err != nil {
			problems.add(at, k.Name, "%s is wrong: %v", quoteValue(k, f.Value.String()), err)
			continue
		}
		got[k.Name] = setting{value: v, source: at}
	}
	return got, problems
}
