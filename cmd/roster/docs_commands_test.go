package main

import (
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// shown is a command line of a document and what it shows as its output.
type shown struct{ line, output string }

// begun matches the lines of a block without a language that are commands, and no drawing.
var begun = regexp.MustCompile(`^(\./build/)?(roster|make|curl|go) `)

// commandsOf gives the command lines of a page: those behind a $ in a block of a console,
// those that can be told in a block without a language, those of cron, and inline code.
func commandsOf(p page) []shown {
	var all []shown
	for _, code := range p.codes {
		all = append(all, shown{line: code})
	}
	for _, f := range p.fence {
		for i := 0; i < len(f.lines); i++ {
			line, prompted := strings.CutPrefix(f.lines[i], "$ ")
			switch {
			case f.language == "cron", f.language == "" && begun.MatchString(f.lines[i]):
				all = append(all, shown{line: f.lines[i]})
			case f.language == "console" && prompted:
				for strings.HasSuffix(line, `\`) && i+1 < len(f.lines) {
					i++
					line = strings.TrimSuffix(line, `\`) + " " + f.lines[i]
				}
				next := i + 1
				for next < len(f.lines) && !strings.HasPrefix(f.lines[next], "$ ") {
					next++
				}
				all = append(all, shown{line: line, output: strings.Join(f.lines[i+1:next], "\n")})
			}
		}
	}
	return all
}

// words splits a line into commands, and those into words, as a shell does; of quotes and
// operators it knows as much as the documents use.
func words(line string) [][]string {
	var commands [][]string
	var command []string
	var word strings.Builder
	in, quote := false, rune(0)
	endWord := func() {
		if in {
			command = append(command, word.String())
		}
		word.Reset()
		in = false
	}
	endCommand := func() {
		endWord()
		if len(command) > 0 {
			commands = append(commands, command)
		}
		command = nil
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case r == '#' && !in:
			endCommand()
			return commands
		case strings.ContainsRune("|;&()<>", r):
			endCommand()
		case r == ' ':
			endWord()
		default:
			word.WriteRune(r)
			in = true
		}
	}
	endCommand()
	return commands
}

var assignment = regexp.MustCompile(`^[A-Za-z_]+=`)

// invocation gives the arguments of a call of roster.
func invocation(command []string) (args []string, ok bool) {
	for len(command) > 0 && (assignment.MatchString(command[0]) || command[0] == "timeout" || command[0] == "2") {
		command = command[1:]
	}
	if len(command) == 0 || path.Base(command[0]) != "roster" {
		return nil, false
	}
	args = command[1:]
	// What a redirection leaves of "2> file".
	if n := len(args); n > 0 && args[n-1] == "2" {
		args = args[:n-1]
	}
	return args, true
}

// check tells what is wrong with the arguments by what the program itself accepts.
func check(args []string) error {
	top := newRoot(strings.NewReader(""), io.Discard, io.Discard)
	top.InitDefaultHelpCmd()
	top.InitDefaultCompletionCmd()
	cmd, rest, err := top.Find(args)
	if err != nil {
		return err
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	switch given := cmd.Flags().Args(); {
	case len(given) == 0:
		return nil // prose names a command without its arguments
	case cmd.HasSubCommands():
		return fmt.Errorf("%s has no command %q", cmd.CommandPath(), given[0])
	default:
		return cmd.ValidateArgs(given)
	}
}

// TestDocumentCommands: every roster command in a document exists, with its flags and
// their values. One that is shown to be refused for its flags is refused.
func TestDocumentCommands(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range documents(t) {
		for _, c := range commandsOf(p) {
			for _, command := range words(c.line) {
				args, ok := invocation(command)
				if !ok {
					continue
				}
				seen[fmt.Sprint(args)] = true
				refused := strings.Contains(c.output, "roster: invalid argument") || strings.Contains(c.output, "roster: unknown")
				if err := check(args); err != nil && !refused {
					t.Errorf("%s: roster %s: %v", p.name, strings.Join(args, " "), err)
				} else if err == nil && refused {
					t.Errorf("%s: roster %s is shown as refused, and is not", p.name, strings.Join(args, " "))
				}
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d different commands were found", len(seen))
	}
	for _, bad := range [][]string{{"srve"}, {"serve", "--lisen", ":1"}, {"ls", "-o", "xml"}, {"pki", "isue"}, {"get", "a"}, {"config", "show"}} {
		if check(bad) == nil {
			t.Errorf("roster %s passes", strings.Join(bad, " "))
		}
	}
}

var flagName = regexp.MustCompile(`^--([a-z][a-z-]*)`)

// TestDocumentFlags: every flag that prose names is one of some command, or of curl.
func TestDocumentFlags(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"json": true}
	var gather func(cmd *cobra.Command)
	gather = func(cmd *cobra.Command) {
		for _, name := range strings.Fields(regexp.MustCompile(`--[a-z][a-z-]*`).ReplaceAllString(cmd.UsageString(), " $0 ")) {
			if m := flagName.FindStringSubmatch(name); m != nil {
				known[m[1]] = true
			}
		}
		for _, sub := range cmd.Commands() {
			gather(sub)
		}
	}
	gather(newRoot(strings.NewReader(""), io.Discard, io.Discard))
	for _, p := range documents(t) {
		for _, code := range p.codes {
			if m := flagName.FindStringSubmatch(code); m != nil && !known[m[1]] {
				t.Errorf("%s: no command has %s", p.name, m[0])
			}
		}
	}
}

// TestDocumentTargets: every make target in a document is one of the Makefile's.
func TestDocumentTargets(t *testing.T) {
	t.Parallel()
	makefile := read(t, "Makefile")
	for _, p := range documents(t) {
		for _, c := range commandsOf(p) {
			for _, command := range words(c.line) {
				if len(command) < 2 || command[0] != "make" || slices.Contains(command, "-f") {
					continue
				}
				if target := command[1]; !strings.Contains(makefile, "\n"+target+":") {
					t.Errorf("%s: make has no target %s", p.name, target)
				}
			}
		}
	}
}
