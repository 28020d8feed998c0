// Package admit decides which connections a node keeps, and lets nobody take more than a share.
//
// A [Gate] stands where connections are accepted. Before the handshake it knows no more than
// an address, and refuses by closing: beyond the descriptors that this process has, beyond
// what one address may have open, begin in a second, or leave unproved. Once the handshake has
// told the identity, it counts that identity's connections; one too many is kept for long
// enough to be told so.
//
// [Shares] stands before the handlers. While the processor keeps up it counts and no more.
// When work has to wait for the processor, whoever asks for the most is slowed down, to no
// less than half of what the node can do, until there is room for the others again.
//
// [Counts] is the sum that both need: how many of something each key has at a time.
package admit
