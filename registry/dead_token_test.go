package registry

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
)

// tokenRules is what docs/security.md says of the tokens of one instance, which are numbered
// in the order in which they were made: two are good at the most, and what has died stays dead.
type tokenRules struct {
	used, newest int // newest is -1 where there is none that was not used yet
	died         map[int]time.Time
}

func (r *tokenRules) good(token int) bool { return token == r.used || token == r.newest }

func (r *tokenRules) dies(token int) {
	if token >= 0 {
		r.died[token] = time.Now()
	}
}

// accepted notes a use that was accepted; made is the token that it made, -1 for none.
func (r *tokenRules) accepted(token, made int) {
	if token == r.newest {
		r.dies(r.used)
		r.used, r.newest = token, -1
	}
	if made >= 0 {
		r.dies(r.newest) // nobody has used it, and nobody will
		r.newest = made
	}
}

// lossy is a client whose answers are lost at random, on two nodes. It keeps the token that
// last worked until the newer one has worked once.
type lossy struct {
	*testing.T
	random   *rand.Rand
	nodes    []*node
	lag      time.Duration // of the later feed
	tokens   []string
	received []int // of the tokens
	rules    tokenRules
	worked   int
	newer    int // -1: none

	calls, lost, early, refused int
}

// use makes a call with a token and compares what comes of it with the rules.
func (c *lossy) use(token int) (ok bool, made int) {
	c.Helper()
	what, made := c.random.IntN(5), -1
	fresh, err := c.nodes[c.random.IntN(len(c.nodes))].use(what, c.tokens[token])
	c.calls++
	if told := outcome(err); told != "ok" && told != "unauthenticated" {
		c.Fatalf("token %d: %v", token, err)
	}
	if err != nil {
		if c.refused++; c.rules.good(token) {
			c.Fatalf("token %d is refused, and %d and %d are good", token, c.rules.used, c.rules.newest)
		}
		return false, -1
	}
	if fresh != "" {
		made = len(c.tokens)
		c.tokens = append(c.tokens, fresh)
	}
	if c.rules.good(token) {
		c.rules.accepted(token, made)
		return true, made
	}
	// The other node may not have heard of its end yet, and then lets it renew, and no more.
	heartbeat := what == 2 || what == 3
	if since := time.Since(c.rules.died[token]); !heartbeat || since > c.lag {
		c.Fatalf("token %d came back to life %s after its end, for call %d", token, since, what)
	}
	c.early++
	return true, -1
}

// step is one call of the client: with the newer of its tokens, and where that is refused
// with the other. Then, at random, a call of its past arrives once more.
func (c *lossy) step() {
	c.Helper()
	candidates := []int{c.newer, c.worked}
	if c.newer < 0 {
		candidates = candidates[1:]
	}
	for i, token := range candidates {
		ok, made := c.use(token)
		if !ok && i == len(candidates)-1 {
			c.Fatalf("locked out with the tokens %v; %d and %d are good", candidates, c.rules.used, c.rules.newest)
		}
		if !ok {
			continue // to be refused is an answer that is not lost
		}
		if c.random.IntN(2) == 0 {
			c.lost++
			break
		}
		c.worked, c.newer = token, made
		if made >= 0 {
			c.received = append(c.received, made)
		}
		break
	}
	if c.random.IntN(3) == 0 {
		_, _ = c.use(c.received[c.random.IntN(len(c.received))])
	}
}

// TestDeadTokensStayDead: ten thousand steps of clients whose answers are lost, on two nodes
// whose feeds are late. Nobody is locked out; and no token that has died is good again, on any
// node, for anything but a renewal on one that has not heard of its end yet.
func TestDeadTokensStayDead(t *testing.T) {
	const sequences, steps = 400, 25
	var total lossy
	for seq := range sequences {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, uint64(seq)))
			on := form(t, 2, catalogtest.New(catalogtest.Options{}), setup{tokens: TokenPolicy{TTL: time.Hour, Grace: 30 * time.Second}})
			c := &lossy{T: t, random: random, nodes: on.nodes, received: []int{0}, newer: -1,
				rules: tokenRules{newest: -1, died: map[int]time.Time{}}}
			for _, link := range on.links {
				late := time.Duration(random.IntN(200)) * time.Millisecond
				c.lag = max(c.lag, late)
				link.Late(late)
			}
			c.tokens = []string{on.nodes[0].register(orders, "o1").Token}
			for range steps {
				c.step()
				if random.IntN(4) == 0 {
					pass(time.Duration(random.IntN(400)) * time.Millisecond)
				}
			}
			pass(time.Second)
			for token := range c.tokens {
				if !c.rules.good(token) { // the last word, on both nodes
					for _, n := range c.nodes {
						wantErr(t, "a dead token in the end", n.beat(orders, "o1", c.tokens[token]), "unauthenticated")
					}
				}
			}
			total.calls, total.lost, total.early, total.refused = total.calls+c.calls, total.lost+c.lost, total.early+c.early, total.refused+c.refused
		})
	}
	t.Logf("%d calls, %d answers lost, %d refusals, %d renewals by a dead token before the feed told of its end",
		total.calls, total.lost, total.refused, total.early)
	if total.lost == 0 || total.refused == 0 || total.early == 0 {
		t.Error("one of these never happened, so nothing is shown")
	}
}
