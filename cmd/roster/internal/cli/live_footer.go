package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// empty says why there are no rows, and what to do.
func (b *board) empty() []string {
	of := ""
	if b.service != "" {
		of = " of " + plain(b.service)
	}
	switch {
	case !b.roll.view.warm:
		return nil
	case b.query != "" && len(b.roll.rows) > 0:
		return []string{"Nothing matches: " + plain(b.query)}
	case b.filter:
		return []string{"No instance" + of + " matches the filter."}
	}
	name := "web"
	if b.service != "" {
		name = plain(b.service)
	}
	return []string{
		"No instance" + of + " is registered. To register one:",
		"  roster register " + name + " --port 3000 --keep",
	}
}

// footer says what is beyond the screen, who left there, and what the keys do.
func (b *board) footer(width, rows, all int, now time.Time) string {
	if b.typing {
		return fit("/"+plain(b.query)+"_", max(width-25, 0)) + b.paint(dim, fit("   Enter keeps, Esc drops", min(width, 25)))
	}
	var beyond []string
	if b.top > 0 {
		beyond = append(beyond, fmt.Sprintf("%d above", b.top))
	}
	if below := all - b.top - rows; below > 0 {
		beyond = append(beyond, fmt.Sprintf("%d more", below))
	}
	left := ""
	if len(beyond) > 0 {
		left = "… " + strings.Join(beyond, ", ")
	}
	if b.query != "" {
		left = strings.TrimLeft(left+"   /"+plain(b.query), " ")
	}
	if who := b.unseen(rows, now); who != "" {
		left = strings.TrimLeft(left+"   "+who, " ")
	}
	keys := "Ctrl-C ends"
	switch {
	case b.keys && len(beyond) > 0:
		keys = "↑ ↓ PgUp PgDn  / search  q quit"
	case b.keys:
		keys = "/ search  q quit"
	}
	left = fit(left, width)
	room := width - columnsOf(left) - gap
	switch {
	case left == "":
		return b.paint(dim, fit(keys, width))
	case room < columnsOf(keys):
		return left
	}
	return left + strings.Repeat(" ", room-columnsOf(keys)+gap) + b.paint(dim, keys)
}

// unseen tells of the last instance that left, if its row is not on the screen.
func (b *board) unseen(rows int, now time.Time) string {
	if len(b.roll.lost) == 0 {
		return ""
	}
	last := b.roll.lost[len(b.roll.lost)-1]
	if !last.gone() || slices.Contains(b.shown()[b.top:b.top+rows], last) {
		return ""
	}
	return plain(last.in.ServiceName+"/"+last.in.InstanceID) + ": " + last.farewell(now)
}
