package server

import (
	"encoding/binary"
	"io"
	"time"
)

// The types and flags of frames of HTTP/2 (RFC 9113, 6).
const (
	frameHeaders      = 0x1
	frameReset        = 0x3
	frameSettings     = 0x4
	frameContinuation = 0x9
	endStream         = 0x1
	endHeaders        = 0x4
)

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// frame sends a frame, and tells whether the connection is still open.
func (c *raw) frame(kind, flags byte, stream uint32, payload []byte) bool {
	head := make([]byte, 9, 9+len(payload))
	head[0], head[1], head[2] = byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload))
	head[3], head[4] = kind, flags
	binary.BigEndian.PutUint32(head[5:], stream)
	_, err := c.Write(append(head, payload...))
	return err == nil
}

// get is the header block of GET /registry/services, without a table and without Huffman
// codes (RFC 7541, 6.1 and 6.2.2).
func get() []byte {
	path := "/registry/services"
	block := []byte{0x82, 0x87, 0x04, byte(len(path))} // :method GET, :scheme https, :path
	block = append(block, path...)
	return append(block, 0x01, 1, 'x') // :authority
}

// begin starts HTTP/2 and reads whatever comes until the connection ends.
func (c *raw) begin() (ended chan struct{}) {
	ended = make(chan struct{})
	c.send(preface)
	c.frame(frameSettings, 0, 0, nil)
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, c.in)
	}()
	return ended
}

// rapidResets opens streams and resets each at once (CVE-2023-44487): the server must end
// the connection, or answer no more than it has streams for.
func (c *raw) rapidResets() {
	ended := c.begin()
	open := true
	for i := uint32(0); i < 10_000 && open; i++ {
		stream := 2*i + 1
		open = c.frame(frameHeaders, endStream|endHeaders, stream, get()) && c.frame(frameReset, 0, stream, []byte{0, 0, 0, 8})
	}
	c.Close()
	<-ended
}

// continuations sends a header block that never ends (CVE-2023-45288): the server must end
// the connection.
func (c *raw) continuations() {
	ended := c.begin()
	c.frame(frameHeaders, endStream, 1, get())
	field := append([]byte{0x00, 1, 'a', 127, 0x81, 0x07}, make([]byte, 1024)...) // a value of 1,024 bytes
	sent, deadline := 0, time.Now().Add(patient)
	for c.frame(frameContinuation, 0, 1, field) && time.Now().Before(deadline) {
		sent += len(field)
	}
	if sent > 64<<20 {
		c.t.Errorf("%d MiB of one header block were taken", sent>>20)
	}
	c.Close()
	<-ended
}
