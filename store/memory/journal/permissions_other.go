//go:build !unix

package journal

// loosePermissions: here lists of access say who may read a file, and the bits of its mode
// are made up.
const loosePermissions = false
