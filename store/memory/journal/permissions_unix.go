//go:build unix

package journal

// loosePermissions tells whether the bits of a file's mode say who may read it.
const loosePermissions = true
