package bench

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/roster-sd/roster/internal/bench/rawclient"
)

// form is a registration, and the places of the numbers in it.
type form struct {
	body                      []byte
	service, instance, change int
}

// newForm makes the registration of an instance with the fields of a usual one.
func newForm(name string, ttl time.Duration) form {
	mark := func(c byte, n int) string { return string(bytes.Repeat([]byte{c}, n)) }
	in := rawclient.Registration(name+"-"+mark('!', serviceDigits), name+"-"+mark('#', instanceDigits), 0, ttl)
	in.Metadata[changeKey] = mark('$', changeDigits)
	body, err := json.Marshal(in)
	if err != nil {
		panic(err) // it holds nothing that could fail
	}
	at := func(c byte, n int) int { return bytes.Index(body, []byte(mark(c, n))) }
	return form{body, at('!', serviceDigits), at('#', instanceDigits), at('$', changeDigits)}
}

// registration appends the request that registers the ith instance.
func (f *fleet) registration(b []byte, i int, change int64) []byte {
	b = rawclient.Head(b, "POST", f.host, "/registry/register", "", len(f.form.body))
	body := len(b)
	b = append(b, f.form.body...)
	digits(b[body+f.form.service:][:serviceDigits], int64(f.serviceOf(i)))
	digits(b[body+f.form.instance:][:instanceDigits], int64(f.first+i))
	digits(b[body+f.form.change:][:changeDigits], change)
	return b
}

// beat appends the request that renews the ith instance. Its block is held for reading.
func (f *fleet) beat(b []byte, i int) []byte {
	const body = `{"serviceName":"`
	length := len(body) + len(f.name) + 1 + serviceDigits + len(`","instanceId":"`) + len(f.name) + 1 + instanceDigits + len(`"}`)
	b = rawclient.Head(b, "POST", f.host, "/registry/heartbeat", string(f.tokens[i].bytes()), length)
	b = append(b, body...)
	b = f.appendNames(b, i)
	return append(b, `"}`...)
}

// appendNames appends the names of the ith instance, with what stands between them in JSON.
func (f *fleet) appendNames(b []byte, i int) []byte {
	b = append(append(b, f.name...), '-')
	b = appendDigits(b, f.serviceOf(i), serviceDigits)
	b = append(append(append(b, `","instanceId":"`...), f.name...), '-')
	return appendDigits(b, f.first+i, instanceDigits)
}

func appendDigits(b []byte, n, width int) []byte {
	var buf [16]byte
	digits(buf[:width], int64(n))
	return append(b, buf[:width]...)
}

// headroom is where the body of a batch begins in its buffer: before it comes the head,
// which tells the length.
const headroom = 512

// batch makes the request that renews the registered instances of a range, and gives how
// many they are. buf is reused; the request is valid until that. Their block is held for
// reading.
func (f *fleet) batch(buf []byte, from, to int) (request, grown []byte, n int) {
	if cap(buf) < headroom {
		buf = make([]byte, headroom, headroom+(to-from)*160)
	}
	buf = append(buf[:headroom], `{"items":[`...)
	for i := from; i < to; i++ {
		t := &f.tokens[i]
		if t.n == 0 {
			continue
		}
		if n++; n > 1 {
			buf = append(buf, ',')
		}
		buf = append(buf, `{"serviceName":"`...)
		buf = f.appendNames(buf, i)
		buf = append(append(buf, `","token":"`...), t.bytes()...)
		buf = append(buf, `"}`...)
	}
	buf = append(buf, `]}`...)
	var space [headroom]byte
	head := rawclient.Head(space[:0], "POST", f.host, "/registry/heartbeats", "", len(buf)-headroom)
	at := headroom - len(head)
	copy(buf[at:], head)
	return buf[at:], buf, n
}

// removal appends the request that deregisters the ith instance.
func (f *fleet) removal(b []byte, i int) []byte {
	return f.about(b, "DELETE", i, nil)
}

// change appends the request that gives the ith instance the number of a change.
func (f *fleet) change(b []byte, i int, change int64) []byte {
	body := append(make([]byte, 0, 64), `{"metadata":{"`+changeKey+`":"`...)
	body = append(appendDigits(body, int(change), changeDigits), `"}}`...)
	return append(f.about(b, "PATCH", i, body), body...)
}

// about appends a request about the ith instance, but for its body.
func (f *fleet) about(b []byte, method string, i int, body []byte) []byte {
	path := "/registry/services/" + f.service(f.serviceOf(i)) + "/" + f.id(i)
	return rawclient.Head(b, method, f.host, path, string(f.tokens[i].bytes()), len(body))
}

// changeOf gives the number of the change that an event shows; 0: none.
func changeOf(data []byte) int64 {
	text := textBytes(data, changeKey)
	if len(text) != changeDigits {
		return 0
	}
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0
		}
		n = 10*n + int64(c-'0')
	}
	return n
}
