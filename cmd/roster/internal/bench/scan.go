package bench

import (
	"bytes"
	"net"
	"strconv"
)

// What is wanted of an answer is looked for in its text: to decode it would cost the load as
// much as the server spent to encode it. The server writes no blanks between names and values.

// value gives what follows "name": in a text of JSON, to its end; nil where it is not there.
func value(json []byte, name string) []byte {
	var buf [64]byte
	mark := append(append(append(buf[:0], '"'), name...), '"', ':')
	if i := bytes.Index(json, mark); i >= 0 {
		return json[i+len(mark):]
	}
	return nil
}

// text gives the first string of that name; empty where there is none.
func text(json []byte, name string) string { return string(textBytes(json, name)) }

func textBytes(json []byte, name string) []byte {
	v := value(json, name)
	if len(v) == 0 || v[0] != '"' {
		return nil
	}
	end := bytes.IndexByte(v[1:], '"')
	if end < 0 {
		return nil
	}
	return v[1 : 1+end]
}

// number gives the first whole number of that name; 0 where there is none.
func number(json []byte, name string) int64 {
	v := value(json, name)
	end := 0
	for end < len(v) && (v[end] >= '0' && v[end] <= '9' || end == 0 && v[end] == '-') {
		end++
	}
	n, err := strconv.ParseInt(string(v[:end]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// digits writes n into b, with zeros before it.
func digits(b []byte, n int64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = '0' + byte(n%10)
		n /= 10
	}
}

func hostPort(host, port string) string { return net.JoinHostPort(host, port) }
