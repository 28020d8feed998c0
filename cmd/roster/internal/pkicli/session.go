package pkicli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/roster-sd/roster/cmd/roster/internal/cli"
)

// session is one run of a command.
type session struct {
	dir      string
	form     string // of the data: table, json or yaml
	out, err io.Writer
}

var forms = []string{"table", "json", "yaml"}

func addOutput(cmd *cobra.Command) {
	cmd.Flags().StringP("output", "o", forms[0], "`form` of the data: "+strings.Join(forms, ", "))
	if err := cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(forms, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is not there: every use would fail
	}
}

func checkForm(form string) error {
	for _, f := range forms {
		if f == form {
			return nil
		}
	}
	return cli.Usage(fmt.Errorf("--output %q: want %s", form, strings.Join(forms, ", ")))
}

// say writes to the person, never to a pipe.
func (s *session) say(format string, args ...any) {
	fmt.Fprintf(s.err, format+"\n", args...)
}

// next tells the commands that come next.
func (s *session) next(commands ...string) {
	s.say("\nNext:")
	for _, c := range commands {
		s.say("  %s", c)
	}
}

// print writes the data: v as JSON or YAML, or else the rows as a table.
func (s *session) print(v any, header table.Row, rows []table.Row) error {
	switch s.form {
	case "json":
		enc := json.NewEncoder(s.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	case "yaml":
		return printYAML(s.out, v)
	}
	t := table.NewWriter()
	t.AppendHeader(header)
	t.AppendRows(rows)
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	_, err := fmt.Fprintln(s.out, t.Render())
	return err
}

// printYAML goes by way of JSON, so that both have the same names in the same order.
func printYAML(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var node yaml.Node
	if err := yaml.Unmarshal(data, &node); err != nil {
		return err
	}
	plain(&node)
	data, err = yaml.Marshal(&node)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// plain takes away the braces and quotes that JSON gave the nodes; what needs quotes
// gets them back.
func plain(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		plain(c)
	}
}

// file is a file that was written, and what it is for.
type file struct {
	Path    string `json:"path"`
	Purpose string `json:"purpose"`
}

func (s *session) printFiles(files []file) error {
	rows := make([]table.Row, len(files))
	for i, f := range files {
		rows[i] = table.Row{f.Path, f.Purpose}
	}
	return s.print(files, table.Row{"written", "for"}, rows)
}

// warnExposed says so when others may enter the folder.
func (s *session) warnExposed() {
	if info, err := os.Stat(s.dir); err == nil && info.Mode().Perm()&0o077 != 0 {
		s.say("warning: others may look into %s (mode %o): chmod 700 %s", s.dir, info.Mode().Perm(), quote(s.dir))
	}
}

// command gives a command of this tool for the same folder.
func (s *session) command(words ...string) string {
	all := append([]string{"roster", "pki"}, words...)
	if s.dir != defaultDir {
		all = append(all, "--dir", s.dir)
	}
	return shell(all...)
}

// serve gives the command that starts the server with the certificate of that base name.
func (s *session) serve(base string) string {
	all := []string{"roster", "serve"}
	if exists("config.yaml") {
		all = append(all, "--config", "config.yaml")
	}
	if s.dir != defaultDir || base != "server" {
		all = append(all, "--tls-cert-file", s.path(base+".crt"), "--tls-key-file", s.path(base+"-key.pem"))
	}
	if s.dir != defaultDir {
		all = append(all, "--tls-client-ca-file", s.path("ca.crt"))
	}
	// A server that does not read the list lets in whom it names.
	if crl := s.path("ca.crl"); exists(crl) {
		all = append(all, "--tls-crl-file", crl)
	}
	return shell(all...)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func (s *session) path(name string) string { return filepath.Join(s.dir, name) }

// shell gives a command line that a POSIX shell reads as those words.
func shell(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return strings.Join(quoted, " ")
}

func quote(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+=,") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
