package cli

import (
	"slices"
	"time"
)

// column is a column of a live table.
type column struct {
	name string
	// text gives a cell, and colour its colour; nil colours none.
	text   func(e *entry, now time.Time) string
	colour func(e *entry, now time.Time) string
	// worth: where there is no room for all, the column of the least worth goes first.
	worth int
	// least is the width to which it may be cut; 0: it is not. An IPv4 address is left whole.
	least int
	// fixed is its width where that does not depend on what is there: cells that tick
	// must not move the others.
	fixed int
	// extra columns are there only where no other has to be cut for them, and something
	// is in them.
	extra bool
	// reason: what is said of an instance that left begins here.
	reason bool

	width int
}

const gap = 2 // columns between columns

// columns gives those of a table of one service, or of several.
func columns(one bool) []column {
	list := []column{
		{name: "SERVICE", worth: 9, least: 10, text: func(e *entry, _ time.Time) string { return plain(e.in.ServiceName) }},
		{name: "INSTANCE", worth: 5, least: 12, text: func(e *entry, _ time.Time) string { return plain(e.in.InstanceID) }},
		{name: "ADDRESS", worth: 7, least: 21, text: func(e *entry, _ time.Time) string { return plain(place(e.in)) }},
		{name: "STATUS", worth: 8, reason: true, text: func(e *entry, _ time.Time) string { return plain(condition(e.in)) },
			colour: func(e *entry, _ time.Time) string { return stateColour(e.in) }},
		{name: "VERSION", worth: 2, extra: true, text: func(e *entry, _ time.Time) string { return fit(plain(e.in.Version), 12) }},
		{name: "ZONE", worth: 1, extra: true, text: func(e *entry, _ time.Time) string { return fit(plain(e.in.Zone), 12) }},
		{name: "CHECK", worth: 3, extra: true, text: func(e *entry, _ time.Time) string {
			if e.in.Health != "failing" {
				return "" // passing is no news
			}
			return fit(plain(found(e.in)), 40)
		}},
		{name: "AGE", worth: 4, fixed: 7, text: func(e *entry, now time.Time) string {
			return age(now.Sub(time.UnixMilli(e.in.RegisteredAt)))
		}},
		{name: "HEARTBEAT", worth: 6, fixed: 9, text: func(e *entry, now time.Time) string { return before(e.beat, now) },
			colour: func(e *entry, now time.Time) string { return beatColour(e, now) }},
	}
	if one {
		list[1].worth = list[0].worth
		list = list[1:]
	}
	return list
}

// beatColour warns of a heartbeat that has been missing for two thirds of the TTL: its
// owner should have renewed twice by then.
func beatColour(e *entry, now time.Time) string {
	silent := now.Sub(time.UnixMilli(e.beat)).Milliseconds()
	switch {
	case e.in.TTL <= 0 || silent*3 < e.in.TTL*2:
		return ""
	case silent < e.in.TTL:
		return yellow
	}
	return red
}

// arrange gives those columns that a width has room for, with their widths. It depends on
// all rows, shown or not, so that nothing moves when one scrolls.
func arrange(list []column, rows []*entry, width int) []column {
	for i := range list {
		c := &list[i]
		c.width = max(c.fixed, columnsOf(c.name))
		if c.fixed > 0 {
			continue
		}
		empty := true
		for _, e := range rows {
			if c.reason && e.gone() {
				continue // the reason may be cut
			}
			cell := c.text(e, time.Time{})
			empty = empty && cell == ""
			c.width = max(c.width, columnsOf(cell))
		}
		if c.extra && empty {
			c.width = 0
		}
	}
	list = slices.DeleteFunc(list, func(c column) bool { return c.width == 0 })
	for slices.ContainsFunc(list, func(c column) bool { return c.extra }) && total(list, false) > width {
		list = drop(list)
	}
	for len(list) > 1 && total(list, true) > width {
		list = drop(list)
	}
	for total(list, false) > width {
		if !shrink(list) {
			list[0].width = max(list[0].width-total(list, false)+width, 1)
			break
		}
	}
	return list
}

// total is the width of the columns, the one of the marks included.
func total(list []column, least bool) int {
	sum := 1
	for _, c := range list {
		w := c.width
		if least && c.least > 0 {
			w = min(w, c.least)
		}
		sum += gap + w
	}
	return sum
}

func drop(list []column) []column {
	least := 0
	for i, c := range list {
		if c.worth < list[least].worth {
			least = i
		}
	}
	return slices.Delete(list, least, least+1)
}

// shrink takes one from the widest column that may be cut.
func shrink(list []column) bool {
	widest := -1
	for i, c := range list {
		if c.least > 0 && c.width > c.least && (widest < 0 || c.width > list[widest].width) {
			widest = i
		}
	}
	if widest < 0 {
		return false
	}
	list[widest].width--
	return true
}
