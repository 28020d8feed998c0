package cli

import (
	"fmt"
	"net"
	"strconv"

	"github.com/roster-sd/roster/wire"
)

// conclude says in a sentence why an instance is as it is, or why it left, as far as that can
// be told from what the nodes know.
func conclude(x *wire.Explanation, nodes []nodeAnswer) string {
	if x.Instance == nil {
		if x.Left == nil {
			return "not there"
		}
		return "gone " + span(between(x.Left.Time, x.Time)) + " ago: " + departed(x.Left) + lastWords(x, nodes)
	}
	in := x.Instance
	switch o := x.Override; {
	case x.Hold != nil:
		text := "live, but suspect: kept past the end of its lease because " + x.Hold.Because
		if x.Hold.Left != nil {
			text += ", for " + short(*x.Hold.Left) + " more unless it is heard of"
		}
		return text
	case in.Health == "failing" && in.Verdict != nil && in.Verdict.Node == "":
		return "live, but failing: no node has done its check yet"
	case in.Health == "failing" && in.Verdict != nil:
		text := "live, but failing its check: " + verdictText(in, x.Time)
		if x.Spared {
			text += "; it would be removed for that, but nearly all of its service fail"
		}
		return text
	case in.Health != "" && in.Health != "passing":
		return "live, but " + in.Health
	case o != nil && o.Status != "":
		text := fmt.Sprintf("live, but counts as %s for %s more, at the word of %s", o.Status, span(between(x.Time, o.Until)), o.By)
		if o.Reason != "" {
			text += ": " + o.Reason
		}
		return text
	case in.Status != "up":
		return "live, and not resolved: its owner says " + in.Status
	}
	return "live and up" + renews(x, nodes)
}

// departed says how a life ended.
func departed(d *wire.Departure) string {
	text := map[string]string{
		"expired":        "its lease ran out",
		"deregistered":   "its holder removed it",
		"forced":         "an administrator removed it",
		"process_exited": "its process ended",
		"replaced":       "another registration took its place",
		"unreachable":    "it could not be reached",
	}[d.Reason]
	if text == "" {
		text = d.Reason
	}
	if d.Actor != "" {
		text += ", at the word of " + d.Actor
	}
	if d.From != "" {
		text += ", from " + d.From
	}
	if d.Node != "" {
		text += ", on " + d.Node
	}
	if d.Note != "" {
		text += ` ("` + d.Note + `")`
	}
	return text
}

// lastWords says of one that is gone what its heartbeats tell, and who may not come back.
func lastWords(x *wire.Explanation, nodes []nodeAnswer) string {
	text := ""
	if x.Left.Reason == "expired" {
		text = silence(x, nodes)
	}
	if o := x.Override; o != nil && o.KeptOut {
		text += "; its ID is kept out for " + span(between(x.Time, o.Until)) + " more"
	}
	return text
}

// silence says what the heartbeats before the end of a lease tell of why it ended.
func silence(x *wire.Explanation, nodes []nodeAnswer) string {
	left := x.Left
	latest, least, most := heard(nodes)
	if latest == nil {
		if len(nodes) > 1 {
			return "; no node that was asked took a heartbeat of it"
		}
		return "; no heartbeat of it came to " + or(x.Node, "this node") + ", ask the other nodes with --address"
	}
	h := latest.Heartbeats
	if h.LargestGap == 0 && x.Registered.Node == latest.Node {
		return "; it sent no heartbeat after it had registered"
	}
	text := fmt.Sprintf("; %s last heard of it %s before", or(latest.Node, "the node"), short(max(0, left.Time-h.Last)))
	if least < late && most >= late {
		return text + "; " + parted
	}
	text += fmt.Sprintf(", and the largest gap until then was %s of a TTL of %s: ", short(h.LargestGap), millis(left.TTL))
	if least >= late {
		return text + "its heartbeats came late before they stopped, as of a process that is paused or starved, or behind a bad network"
	}
	return text + "it renewed in good time and then stopped, as one that crashed, hangs or lost its network"
}

// renews says of one that is up what its heartbeats tell.
func renews(x *wire.Explanation, nodes []nodeAnswer) string {
	latest, least, most := heard(nodes)
	if latest == nil {
		if len(nodes) > 1 {
			return "; no node that was asked took a heartbeat of it"
		}
		return "; its heartbeats go to other nodes than " + or(x.Node, "this one")
	}
	h := latest.Heartbeats
	if h.LargestGap == 0 {
		return "; it has yet to send a second heartbeat to " + or(latest.Node, "the node")
	}
	gap := fmt.Sprintf("the largest gap between its heartbeats on %s was %s of a TTL of %s",
		or(latest.Node, "the node"), short(h.LargestGap), millis(x.Lease.TTL))
	switch {
	case least < late && most >= late:
		return "; " + parted
	case least >= 1:
		return ": " + gap + ", which it outlived because other nodes took heartbeats as well, or because it was held"
	case least >= late:
		return ", but it was close: " + gap + ", as of a process that was paused or starved, or behind a bad network"
	}
	return ", and renews in good time: " + gap
}

// parted is said where some nodes saw gaps that others did not: what goes to one node is a gap
// to the rest, and nobody knows of the whole.
const parted = "its heartbeats went to several nodes, so the gap on one of them says little"

// heard gives the node that heard of an instance last, and the smallest and the largest share
// of the TTL that a node saw without a heartbeat.
func heard(nodes []nodeAnswer) (latest *nodeAnswer, least, most float64) {
	for i := range nodes {
		n := &nodes[i]
		if n.Heartbeats == nil {
			continue
		}
		if latest == nil || n.Heartbeats.OfTTL < least {
			least = n.Heartbeats.OfTTL
		}
		most = max(most, n.Heartbeats.OfTTL)
		if latest == nil || n.Heartbeats.Last > latest.Heartbeats.Last {
			latest = n
		}
	}
	return latest, least, most
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// joined gives address and port.
func joined(address string, port int) string { return net.JoinHostPort(address, strconv.Itoa(port)) }
