package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// explainedService is what is printed of a service.
type explainedService struct {
	Conclusion string `json:"conclusion"`
	wire.ServiceExplanation
	Nodes []nodeView `json:"nodes"` // all that were asked
}

// nodeView is what one node shows of a service.
type nodeView struct {
	Address   string `json:"address"`
	Node      string `json:"node,omitempty"`
	Instances int    `json:"instances"`
	Up        int    `json:"up"`
	Suspect   int    `json:"suspect"`
	Late      int    `json:"late"` // how many instances it has waited long for
	Error     string `json:"error,omitempty"`
}

func (s *session) explainService(ctx context.Context, c *client.Client, service string, opts client.ExplainOptions) error {
	answers := c.ExplainServiceOnEach(ctx, service, opts)
	x, err := chosen(answers, func(x *wire.ServiceExplanation) bool { return !x.Incomplete })
	if err != nil {
		return err
	}
	out := explainedService{ServiceExplanation: *x, Conclusion: concludeService(x)}
	for i := range answers {
		a := &answers[i]
		n := nodeView{Address: a.Address}
		if a.Err != nil {
			n.Error = s.unanswered(a.Address, a.Err)
		} else {
			n.Node, n.Instances, n.Up, n.Suspect, n.Late = a.Value.Node, a.Value.Instances, a.Value.Up, a.Value.Suspect, len(a.Value.Late)
		}
		out.Nodes = append(out.Nodes, n)
	}
	if x.Incomplete {
		s.env.say("The registry cannot reach its backend: what happened lately is missing.")
	}
	return s.print(out, func(w io.Writer) { s.serviceExplanation(w, &out) })
}

// concludeService says what is worth a look.
func concludeService(x *wire.ServiceExplanation) string {
	var says []string
	switch {
	case x.Instances == 0 && len(x.Left) > 0:
		says = append(says, fmt.Sprintf("nobody has served it for %s: %s left last, %s",
			span(between(x.Left[0].Time, x.Time)), x.Left[0].InstanceID, departed(&x.Left[0])))
	case x.Instances == 0:
		says = append(says, "nobody serves it")
	case x.Up == 0:
		says = append(says, counted(x.Instances, "instance")+", and none is up")
	default:
		says = append(says, fmt.Sprintf("%s, %d up", counted(x.Instances, "instance"), x.Up))
	}
	if len(x.Flapping) > 0 {
		f := &x.Flapping[0]
		if f.InstanceID != "" {
			says = append(says, fmt.Sprintf("%s registered %d times within an hour: it starts again and again, or two share the ID", f.InstanceID, f.Registrations))
		} else {
			says = append(says, fmt.Sprintf("%d IDs were registered at %s within an hour: what runs there starts again and again", f.IDs, joined(f.Address, f.Port)))
		}
	}
	switch {
	case x.Degraded:
		says = append(says, fmt.Sprintf("%d fail their checks, which is nearly all, so those are resolved too: a wrong check, or a network that is cut, is likelier than so many deaths", x.Failing))
	case x.Failing > 0:
		says = append(says, fmt.Sprintf("%d failing", x.Failing))
	}
	if x.Suspect > 0 {
		says = append(says, fmt.Sprintf("%d suspect", x.Suspect))
	}
	if len(x.Late) > 0 {
		says = append(says, fmt.Sprintf("heartbeats of %s came late", counted(len(x.Late), "instance")))
	}
	return strings.Join(says, "; ")
}

func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

// serviceExplanation prints what is known of a service.
func (s *session) serviceExplanation(w io.Writer, x *explainedService) {
	colour := green
	switch {
	case x.Up == 0:
		colour = red
	case len(x.Flapping) > 0 || x.Suspect > 0 || x.Failing > 0 || len(x.Late) > 0:
		colour = yellow
	}
	fmt.Fprintf(w, "%s: %s\n", clean(x.ServiceName), s.headline(colour, x.Conclusion))
	var rows [][]string
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	var states []string
	for _, state := range slices.Sorted(maps.Keys(x.States)) {
		states = append(states, clean(state)+" "+strconv.Itoa(x.States[state]))
	}
	add("Status", strings.Join(states, ", "))
	add("Registered by", names(x.Owners))
	if x.Events > 0 {
		add("Lately", fmt.Sprintf("%s in %s: %s", counted(x.Events, "event"), span(between(x.Since, x.Time)), lately(x)))
	}
	if len(rows) > 0 {
		fmt.Fprintln(w)
		grid(w, nil, rows)
	}
	if len(x.Nodes) > 1 {
		s.views(w, x)
	}
	goneLately(w, x)
	comeAndGo(w, x)
	s.lateOnes(w, x)
}

func lately(x *explainedService) string {
	text := counted(x.Registrations, "registration")
	if len(x.Reasons) > 0 {
		text += "; left: " + names(x.Reasons)
	}
	return text
}

func names(list []wire.Count) string {
	var out []string
	for _, n := range list {
		out = append(out, clean(n.Name)+" ("+strconv.Itoa(n.Count)+")")
	}
	return strings.Join(out, ", ")
}

func (s *session) views(w io.Writer, x *explainedService) {
	var rows [][]string
	for _, n := range x.Nodes {
		row := []string{clean(n.Node), clean(n.Address), strconv.Itoa(n.Instances), strconv.Itoa(n.Up), strconv.Itoa(n.Suspect), strconv.Itoa(n.Late), ""}
		if n.Error != "" {
			row = []string{"", clean(n.Address), "", "", "", "", "no answer: " + clean(n.Error)}
		}
		rows = append(rows, row)
	}
	fmt.Fprintln(w)
	grid(w, []string{"NODE", "ADDRESS", "INSTANCES", "UP", "SUSPECT", "LATE", "NOTE"}, rows, "INSTANCES", "UP", "SUSPECT", "LATE")
}

func goneLately(w io.Writer, x *explainedService) {
	var rows [][]string
	for i := range x.Left {
		d := &x.Left[i]
		gap := ""
		if d.Heartbeats != nil && d.Heartbeats.LargestGap > 0 {
			gap = short(d.Heartbeats.LargestGap) + " of " + millis(d.TTL)
		}
		rows = append(rows, []string{
			span(between(d.Time, x.Time)) + " ago", clean(d.InstanceID), clean(joined(d.Address, d.Port)), clean(d.Reason),
			span(between(d.RegisteredAt, d.Time)), gap, clean(d.Actor), clean(d.Node), clean(d.Note),
		})
	}
	section(w, []string{"LEFT", "INSTANCE", "ADDRESS", "REASON", "LIVED", "LARGEST GAP", "BY", "NODE", "NOTE"}, rows)
}

func comeAndGo(w io.Writer, x *explainedService) {
	var rows [][]string
	for _, f := range x.Flapping {
		id := clean(f.InstanceID)
		if id == "" {
			id = strconv.Itoa(f.IDs) + " IDs"
		}
		rows = append(rows, []string{id, clean(joined(f.Address, f.Port)), strconv.Itoa(f.Registrations), span(between(f.Last, x.Time)) + " ago"})
	}
	section(w, []string{"COMES AND GOES", "ADDRESS", "IN AN HOUR", "LAST"}, rows, "IN AN HOUR")
}

func (s *session) lateOnes(w io.Writer, x *explainedService) {
	var rows [][]string
	for _, l := range x.Late {
		rows = append(rows, []string{clean(l.InstanceID), short(l.LargestGap), millis(l.TTL), s.env.paint(shareColour(l.OfTTL), percent(l.OfTTL))})
	}
	section(w, []string{"LATE HEARTBEATS", "LARGEST GAP", "TTL", "OF TTL"}, rows, "LARGEST GAP", "TTL", "OF TTL")
}

// section prints a table below what stands before it, if it has rows.
func section(w io.Writer, header []string, rows [][]string, right ...string) {
	if len(rows) > 0 {
		fmt.Fprintln(w)
		grid(w, header, rows, right...)
	}
}
