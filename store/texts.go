package store

import "encoding/binary"

// Strings of a packed record stand one after the other, each after its length.

// appendText appends a string after its length.
func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// cutText gives the first of the strings, and the others.
func cutText(text string) (s, rest string) {
	n, width := uint64(text[0]), 1
	if n >= 0x80 { // as binary.Uvarint, which reads no strings
		n &= 0x7f
		for shift := 7; ; shift += 7 {
			b := text[width]
			width++
			n |= uint64(b&0x7f) << shift
			if b < 0x80 {
				break
			}
		}
	}
	end := width + int(n)
	return text[width:end], text[end:]
}

// count gives how many strings there are.
func count(text string) (n int) {
	for ; text != ""; n++ {
		_, text = cutText(text)
	}
	return n
}
