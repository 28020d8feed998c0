package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
)

// board is all that a picture of a live table depends on, but for the time and the size
// of the terminal. It is for one goroutine.
type board struct {
	roll    roll
	link    link
	service string // the one that is shown; empty: all
	address string // of the registry
	filter  bool   // only some instances were asked for
	keys    bool   // there is a keyboard
	colour  bool

	top    int    // the first row on the screen, of those that match
	query  string // what rows have to hold
	typing bool   // it is being typed

	columns []column // for the size of the last picture, see arranged
	made    int
	width   int
}

// frame gives how many lines of a picture stand above and below the rows.
func (b *board) frame(height int, trouble string) (head, foot int) {
	head, foot = 2, 1
	if trouble != "" || height >= 10 {
		head++ // the line for trouble, blank on a good day
	}
	if height < 5 {
		foot = 0
	}
	return head, foot
}

// shown gives the rows that match what was typed.
func (b *board) shown() []*entry {
	rows := b.roll.list()
	if b.query == "" {
		return rows
	}
	want := strings.ToLower(b.query)
	return slices.DeleteFunc(slices.Clone(rows), func(e *entry) bool {
		for _, s := range []string{e.in.ServiceName, e.in.InstanceID, place(e.in), condition(e.in), e.in.Version, e.in.Zone} {
			if strings.Contains(strings.ToLower(s), want) {
				return false
			}
		}
		return true
	})
}

// window gives the rows on the screen, and how many match in all. It moves the top to
// where no line is wasted.
func (b *board) window(height int, now time.Time) (rows []*entry, all int) {
	list := b.shown()
	head, foot := b.frame(height, b.link.trouble(now))
	room := max(height-head-foot, 0)
	b.top = max(min(b.top, len(list)-room), 0)
	return list[b.top:min(b.top+room, len(list))], len(list)
}

// narrow is a width below which not even one column may fit.
const narrow = 40

// lines draws the picture: at most height lines, none wider than width.
func (b *board) lines(width, height int, now time.Time) []string {
	if width <= 0 || height <= 0 {
		return nil
	}
	rows, all := b.window(height, now)
	trouble := b.link.trouble(now)
	head, foot := b.frame(height, trouble)
	columns := b.arranged(width)

	out := []string{b.title(width)}
	if head == 3 {
		out = append(out, b.paint(yellow, fit(trouble, width)))
	}
	if all > 0 {
		out = append(out, b.heading(columns))
		for _, e := range rows {
			out = append(out, b.row(columns, e, width, now))
		}
	} else {
		for _, line := range b.empty() {
			out = append(out, fit(line, width))
		}
	}
	out = out[:min(len(out), max(height-foot, 1))]
	if foot > 0 {
		for len(out) < height-foot {
			out = append(out, "")
		}
		out = append(out, b.footer(width, len(rows), all, now))
	}
	if width < narrow {
		for i := range out {
			out[i] = text.Trim(out[i], width)
		}
	}
	return out
}

// arranged gives the columns, which are worked out anew only when rows or width are other ones.
func (b *board) arranged(width int) []column {
	rows := b.roll.list()
	if b.columns == nil || b.made != b.roll.made || b.width != width {
		b.columns = arrange(columns(b.service != ""), rows, width)
		b.made, b.width = b.roll.made, width
	}
	return b.columns
}

func (b *board) title(width int) string {
	name := "Roster"
	if b.service != "" {
		name = plain(b.service)
	}
	t, parts := b.roll.tally, []string(nil)
	if b.service == "" {
		parts = append(parts, count(t.services, "service"))
	}
	parts = append(parts, count(t.instances, "instance"), fmt.Sprintf("%d up", t.up))
	right := strings.Join(parts, ", ")
	if !b.roll.view.warm {
		right = "reading …"
	}
	left := fit(name, width)
	at := plain(b.address)
	if room := width - columnsOf(left) - columnsOf(right) - 2*gap; room >= columnsOf(at) {
		spaces := strings.Repeat(" ", room-columnsOf(at)+gap)
		return b.paint(bold, left) + strings.Repeat(" ", gap) + b.paint(dim, at) + spaces + right
	}
	if room := width - columnsOf(left) - gap; room > 0 {
		return b.paint(bold, left) + strings.Repeat(" ", gap) + fit(right, room)
	}
	return b.paint(bold, left)
}

func (b *board) heading(columns []column) string {
	line := " "
	for _, c := range columns {
		line += strings.Repeat(" ", gap) + pad(fit(c.name, c.width), c.width)
	}
	return b.paint(bold, strings.TrimRight(line, " "))
}

func (b *board) row(columns []column, e *entry, width int, now time.Time) string {
	if e.gone() {
		return b.departed(columns, e, width, now)
	}
	mark, fresh := " ", ""
	if e.mark != ' ' && now.Sub(e.at) < markTime {
		mark = string(e.mark)
		if fresh = bold; e.mark == '+' {
			mark = b.paint(green, mark)
		} else {
			mark = b.paint(yellow, mark)
		}
	}
	line, blank, now := mark, 0, b.link.known(now)
	for i, c := range columns {
		cell := squeeze(c.text(e, now), c.width)
		colour := ""
		if c.colour != nil {
			colour = c.colour(e, now)
		} else if i < 2 {
			colour = fresh
		}
		blank += gap
		if cell == "" {
			blank += c.width
			continue
		}
		line += strings.Repeat(" ", blank) + b.paint(colour, cell)
		blank = c.width - columnsOf(cell)
	}
	return line
}

// departed is the row of an instance that left: who it was, and why, in place of its condition.
func (b *board) departed(columns []column, e *entry, width int, now time.Time) string {
	line := ""
	for _, c := range columns {
		if c.reason {
			break
		}
		line += strings.Repeat(" ", gap) + pad(squeeze(c.text(e, now), c.width), c.width)
	}
	line = b.paint(red, "-") + b.paint(dim, line)
	if room := width - columnsOf(line) - gap; room > 0 {
		line += strings.Repeat(" ", gap) + b.paint(red, fit(e.farewell(now), room))
	}
	return line
}
