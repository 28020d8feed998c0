package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/roster-sd/roster/wire"
)

// explanation prints what is known of an instance: the conclusion, what there is, what each
// node saw, and what happened.
func (s *session) explanation(w io.Writer, x *explained) {
	colour := green
	switch {
	case x.State == wire.ExplainGone:
		colour = red
	case x.Instance != nil:
		colour = stateColour(x.Instance)
	}
	fmt.Fprintf(w, "%s/%s is %s\n\n", clean(x.ServiceName), clean(x.InstanceID), s.headline(colour, x.Conclusion))
	grid(w, nil, s.explainedRows(x))
	if len(x.Nodes) > 1 || x.Nodes[0].Heartbeats != nil || x.Nodes[0].Hold != nil {
		fmt.Fprintln(w)
		s.nodes(w, x)
	}
	if len(x.Events) > 0 {
		fmt.Fprintln(w)
		told(w, x)
	}
}

// headline gives a conclusion with its first words in a colour.
func (s *session) headline(colour, text string) string {
	text = clean(text)
	end := strings.IndexAny(text, ",;:")
	if end < 0 {
		end = len(text)
	}
	return s.env.paint(colour, text[:end]) + text[end:]
}

func (s *session) explainedRows(x *explained) (rows [][]string) {
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	age := func(ms int64) string { return span(between(ms, x.Time)) + " ago" }
	if in := x.Instance; in != nil {
		add("Address", place(in))
		add("Status", s.env.state(in))
		if in.Check != nil {
			add("Check", checkText(in.Check))
			add("Found", verdictText(in, x.Time))
		}
	}
	origin := &x.Registered
	if origin.Time > 0 {
		text := fmt.Sprintf("%s (%s) by %s", age(origin.Time), s.env.moment(origin.Time), clean(origin.By))
		if origin.From != "" {
			text += ", from " + clean(origin.From)
		}
		if origin.Node != "" {
			text += ", on " + clean(origin.Node)
		}
		add("Registered", text)
	}
	if l := x.Lease; l != nil {
		text := millis(l.TTL)
		if l.Left != nil {
			text += ", of which " + short(*l.Left) + " remain"
		}
		add("Lease", text)
	}
	if t := x.Token; t != nil {
		add("Token", tokenText(t, x.Time))
	}
	if o := x.Override; o != nil {
		text := "kept out"
		if o.Status != "" {
			text = clean(o.Status)
		}
		add("Override", fmt.Sprintf("%s for %s more, by %s: %s", text, span(between(x.Time, o.Until)), clean(o.By), clean(o.Reason)))
	}
	if left := x.Left; left != nil && x.Instance != nil {
		add("Before", "its last life ended "+age(left.Time)+": "+departed(left))
	} else if left != nil {
		add("Was at", clean(joined(left.Address, left.Port)))
		add("Lived", span(between(left.RegisteredAt, left.Time)))
		add("TTL", millis(left.TTL))
	}
	if x.Registrations > 1 {
		add("Came", fmt.Sprintf("%d times within the events that are remembered", x.Registrations))
	}
	return rows
}

func tokenText(t *wire.Rotation, now int64) string {
	text := "does not expire"
	if t.ExpiresAt > 0 {
		text = "expires in " + span(between(now, t.ExpiresAt))
		if t.ExpiresAt <= now {
			text = "expired " + span(between(t.ExpiresAt, now)) + " ago"
		}
	}
	switch {
	case t.Rotations == 1:
		text += ", rotated once, " + span(between(t.RotatedAt, now)) + " ago"
	case t.Rotations > 1:
		text += fmt.Sprintf(", rotated %d times, last %s ago", t.Rotations, span(between(t.RotatedAt, now)))
	}
	if t.Unused {
		text += "; the newest has not been used yet"
	}
	return text
}

// nodes prints what each node knows of the heartbeats.
func (s *session) nodes(w io.Writer, x *explained) {
	var rows [][]string
	for _, n := range x.Nodes {
		row := []string{clean(n.Node), clean(n.Address), clean(n.State), "none here", "", "", ""}
		if len(x.Nodes) == 1 {
			row[1] = "" // it is the only one
		}
		if n.Error != "" {
			row[2], row[3], row[6] = "", "", "no answer: "+clean(n.Error)
		}
		if h := n.Heartbeats; h != nil {
			row[3] = span(between(h.Last, x.Time)) + " ago"
			row[4] = short(h.LargestGap)
			row[5] = s.env.paint(shareColour(h.OfTTL), percent(h.OfTTL))
		}
		if n.Hold != nil {
			row[6] = "suspect: " + clean(n.Hold.Because)
		}
		rows = append(rows, row)
	}
	grid(w, []string{"NODE", "ADDRESS", "SEES IT", "HEARTBEAT", "LARGEST GAP", "OF TTL", "NOTE"}, rows, "LARGEST GAP", "OF TTL")
}

// told prints the events.
func told(w io.Writer, x *explained) {
	var rows [][]string
	for _, e := range x.Events {
		rows = append(rows, []string{
			span(between(e.Time, x.Time)), clean(what(&e)), clean(e.Actor), clean(e.From), clean(e.Node), clean(e.Note),
		})
	}
	grid(w, []string{"AGE", "WHAT HAPPENED", "BY", "FROM", "NODE", "NOTE"}, rows)
}

// what gives an event in words.
func what(e *wire.ToldEvent) string {
	text := e.Reason
	for i, ch := range e.Changes {
		if text += ", "; i == 0 {
			text = e.Reason + ": "
		}
		switch {
		case ch.Field == "token" && ch.To == "made":
			text += "a new token was made"
		case ch.Field == "token":
			text += "the new token was first used"
		default:
			text += ch.Field + " " + or(ch.From, "none") + " → " + or(ch.To, "none")
		}
	}
	return text
}

// between gives the time from one moment to another, both in milliseconds.
func between(from, to int64) time.Duration { return time.Duration(to-from) * time.Millisecond }

// short gives a duration as precisely as people want it.
func short(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.String()
}

func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 0, 64) + "%" }

// late is the share of its TTL from which a gap between heartbeats is worth a word: clients
// renew every third of it, so two in a row were lost or late.
const late = 0.75

func shareColour(share float64) string {
	switch {
	case share >= 1:
		return red
	case share >= late:
		return yellow
	}
	return ""
}
