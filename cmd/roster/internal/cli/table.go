package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// grid prints rows in columns that are set apart by space alone: easy on the eye, and
// for awk. Columns that are empty all the way down are left out. Names of columns that
// hold numbers stand in right.
func grid(w io.Writer, header []string, rows [][]string, right ...string) {
	t := table.NewWriter()
	t.SetStyle(table.Style{
		Name:    "plain",
		Box:     table.BoxStyle{PaddingRight: "   "},
		Options: table.OptionsNoBordersAndSeparators,
		Format:  table.FormatOptions{Header: text.FormatDefault},
	})
	t.SuppressEmptyColumns()
	var configs []table.ColumnConfig
	for _, name := range right {
		configs = append(configs, table.ColumnConfig{Name: name, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(configs)
	if header != nil {
		t.AppendHeader(row(header))
	}
	for _, r := range rows {
		t.AppendRow(row(r))
	}
	for line := range strings.SplitSeq(t.Render(), "\n") {
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

func row(cells []string) table.Row {
	r := make(table.Row, len(cells))
	for i, cell := range cells {
		r[i] = cell
	}
	return r
}

// The colours that statuses and signs have on a terminal.
const (
	green  = "32"
	yellow = "33"
	red    = "31"
)

func (e Env) paint(colour, s string) string {
	if s == "" || colour == "" || !e.colour() {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}
