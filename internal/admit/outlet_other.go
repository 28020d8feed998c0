//go:build !unix

package admit

// outlet is not there: what a write waits for is not known here.
type outlet struct{}

func (*outlet) write([]byte) (int, error) { return 0, nil }

// WhenBlocked is false: here it is not known when a write has to wait.
func (c *Conn) WhenBlocked(func()) bool { return false }
