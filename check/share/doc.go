// Package share divides the checks of instances among the nodes of a backend.
//
// A node that takes part holds a seat: a record of kind node, of the service [Service], under a
// lease that it renews. Who is there is whoever's seat lives, and of those that are there one
// checks an instance: the one that rendezvous hashing chooses, so that a node that comes
// takes its part from all the others, and one that leaves gives its part to all of them,
// while everything else stays where it is.
//
// # Who may say something
//
// A node checks what is its own by the seats that it sees, and writes what it finds under the
// condition that its own seat still lives: the store decides both together. A node that is
// cut off from the backend cannot write, stops checking when its lease must be over, and the
// others learn that it has ended from the same store. Two nodes check one instance only for as long
// as one of them has not heard yet that the other came, which is the lag of the feed.
//
// # Two nodes that see differently
//
// If one node reaches an instance and another does not, the word of the one counts whose
// instance it is, and nobody contradicts it: no other node checks it. After a handover the new
// node begins with what stands in the record, and changes that only after as many checks in a
// row as for any change. So an instance changes at most once for each change among the
// nodes, and nodes that come and go faster than that change nothing.
//
// # Doubt
//
// A node that is cut off from the instances finds that everything fails at once. When more than
// half of its checks fail, and at least three, it doubts itself: it says so, and reports no
// failure until they pass again. What passes it reports also then: an answer is an answer.
// Only failures count of what is taken to pass: an instance that has failed for a week, or
// that has never passed, is no evidence against the node. When the doubt is over, a failure is
// reported once a check that began afterwards has failed as well.
//
// # Removal
//
// An instance that asked to be removed is marked first, and removed after two more failures, unless
// nearly all of its service fail by then or another node says in its seat that it holds failures
// back. It is looked at again after each check that fails.
package share
