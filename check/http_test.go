package check

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/roster-sd/roster/store"
)

// says reads a request and writes an answer, then closes.
func says(answer string) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			io.WriteString(c, answer)
		}
	}
}

// hangs says something, and then nothing until the other side is gone.
func hangs(after string) func(net.Conn) {
	return func(c net.Conn) {
		io.WriteString(c, after)
		io.Copy(io.Discard, c)
	}
}

// resets ends the connection with a reset, not with the end of its data.
func resets(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
}

// drips writes without end, in small pieces, a line of a header or a part of a body.
func drips(first, piece string) func(net.Conn) {
	return func(c net.Conn) {
		for _, err := io.WriteString(c, first); err == nil; {
			_, err = io.WriteString(c, piece)
		}
	}
}

func TestHTTP(t *testing.T) {
	p := NewProber(ProberOptions{AllowLoopback: true})
	for name, c := range map[string]struct {
		handle func(net.Conn)
		want   string
	}{
		"200":                       {says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), ""},
		"204":                       {says("HTTP/1.1 204 No Content\r\n\r\n"), ""},
		"299":                       {says("HTTP/1.1 299 Whatever\r\nContent-Length: 0\r\n\r\n"), ""},
		"HTTP/1.0, until the end":   {says("HTTP/1.0 200 OK\r\n\r\nfine"), ""},
		"in chunks":                 {says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), ""},
		"hints first":               {says("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), ""},
		"503":                       {says("HTTP/1.1 503 Secret Reason\r\nContent-Length: 6\r\n\r\nsecret"), "answered 503"},
		"404":                       {says("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "answered 404"},
		"300":                       {says("HTTP/1.1 300 Many\r\nContent-Length: 0\r\n\r\n"), "answered 300"},
		"101":                       {says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), "answered 101"},
		"hints without end":         {drips("", "HTTP/1.1 100 Continue\r\n\r\n"), "gave no HTTP answer"},
		"header without end":        {drips("HTTP/1.1 200 OK\r\n", "X-A: "+strings.Repeat("b", 100)+"\r\n"), "answered with more than 16 KiB of headers"},
		"line without end":          {drips("HTTP/1.1 200 ", "OK"), "answered with more than 16 KiB of headers"},
		"body without end":          {drips("HTTP/1.1 200 OK\r\n\r\n", "lalala"), ""},
		"chunks without end":        {drips("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n"), ""},
		"body shorter than it says": {says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok"), "connection closed"},
		"garbage":                   {says("SSH-2.0-OpenSSH_9.9\r\n"), "gave no HTTP answer"},
		"bytes":                     {says("\x00\x01\x02\x03\xff\xfe\r\n\r\n"), "gave no HTTP answer"},
		"bad length":                {says("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), "gave no HTTP answer"},
		"bad chunk":                 {says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "gave no HTTP answer"},
		"nothing":                   {says(""), "connection closed"},
		"half an answer":            {says("HTTP/1.1 200 OK\r\nA: b\r\n"), "connection closed"},
	} {
		t.Run(name, func(t *testing.T) {
			port, count := serve(t, c.handle)
			expect(t, p, target(store.CheckHTTP, port), c.want)
			if count.Load() != 1 {
				t.Errorf("%d connections", count.Load())
			}
		})
	}
}

func TestHTTPThatHangs(t *testing.T) {
	p := NewProber(ProberOptions{AllowLoopback: true})
	for _, said := range []string{"", "HTTP/1.1 200 OK\r\nX: y\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok"} {
		port, _ := serve(t, hangs(said))
		expect(t, p, impatient(target(store.CheckHTTP, port)), "timed out after 0.05 s")
	}
}

// A reset may come before the connection is known to be open, before the request is written or
// while the answer is awaited.
func TestResets(t *testing.T) {
	may := map[string]string{store.CheckTCP: " ", store.CheckHTTP: "", store.CheckGRPC: "gave no gRPC answer"}
	for kind, too := range may {
		port, _ := serve(t, resets)
		got := " " // passed
		if err := NewProber(ProberOptions{AllowLoopback: true}).Probe(t.Context(), target(kind, port)); err != nil {
			got = err.Error()
		}
		if got != "connection reset" && got != "connection closed" && got != too {
			t.Errorf("%s check: %q", kind, got)
		}
	}
}

func TestHTTPRequest(t *testing.T) {
	type request struct {
		line   string
		header textproto.MIMEHeader
	}
	got := make(chan request, 1)
	port, _ := serve(t, func(c net.Conn) {
		in := textproto.NewReader(bufio.NewReader(c))
		line, _ := in.ReadLine()
		header, _ := in.ReadMIMEHeader()
		got <- request{line, header}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	target := target(store.CheckHTTP, port)
	target.Check.Path = "/healthz?deep=1"
	expect(t, NewProber(ProberOptions{AllowLoopback: true}), target, "")
	r := <-got
	if r.line != "GET /healthz?deep=1 HTTP/1.1" {
		t.Errorf("line %q", r.line)
	}
	want := map[string]string{"Host": "127.0.0.1:" + strconv.Itoa(int(port)), "User-Agent": "roster-check", "Accept": "*/*", "Connection": "close"}
	for name, value := range want {
		if r.header.Get(name) != value {
			t.Errorf("%s: %q", name, r.header.Get(name))
		}
	}
	if len(r.header) != len(want) {
		t.Errorf("headers %v", r.header)
	}
}

func TestHTTPRedirect(t *testing.T) {
	elsewhere, followed := serve(t, says("HTTP/1.1 200 OK\r\n\r\n"))
	p := NewProber(ProberOptions{AllowLoopback: true})
	for _, status := range []string{"301", "302", "303", "307", "308"} {
		for _, to := range []string{"http://127.0.0.1:" + strconv.Itoa(int(elsewhere)) + "/", "http://169.254.169.254/latest/meta-data/", "//[::1]/"} {
			port, asked := serve(t, says("HTTP/1.1 "+status+" Moved\r\nLocation: "+to+"\r\nContent-Length: 0\r\nRefresh: 0; url="+to+"\r\n\r\n"))
			expect(t, p, target(store.CheckHTTP, port), "answered "+status)
			if asked.Load() != 1 {
				t.Errorf("%d requests", asked.Load())
			}
		}
	}
	if followed.Load() != 0 {
		t.Errorf("%d redirects were followed", followed.Load())
	}
}

func TestHTTPPaths(t *testing.T) {
	port, count := serve(t, says("HTTP/1.1 200 OK\r\n\r\n"))
	p := NewProber(ProberOptions{AllowLoopback: true})
	for _, path := range []string{"", "healthz", "http://a/", "/a b", "/a\r\nX: y", "/a\n", "/\x00", "/ä", "*"} {
		target := target(store.CheckHTTP, port)
		target.Check.Path = path
		expect(t, p, target, "the path of its check is not valid")
	}
	if count.Load() != 0 {
		t.Errorf("%d connections", count.Load())
	}
}

// What is read of a body ends soon, however much there is.
func TestHTTPBodyIsNotRead(t *testing.T) {
	var wrote atomic.Int64
	stopped := make(chan struct{})
	port, _ := serve(t, func(c net.Conn) {
		defer close(stopped)
		piece := strings.Repeat("a", 1024)
		for _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n"); err == nil; {
			var n int
			n, err = io.WriteString(c, piece)
			wrote.Add(int64(n))
		}
	})
	expect(t, NewProber(ProberOptions{AllowLoopback: true}), target(store.CheckHTTP, port), "")
	<-stopped // the connection was closed while the server still wrote
	if wrote.Load() == 0 {
		t.Error("nothing was written")
	}
}

// FuzzHTTPAnswer wants one of a few answers for whatever a target says.
func FuzzHTTPAnswer(f *testing.F) {
	for _, s := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 103 x\r\n\r\nHTTP/1.1 204 x\r\n\r\n", "HTTP/1.1 302 x\r\nLocation: /\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "SSH-2.0-x\r\n", "", "HTTP/1.1 999 \r\n\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		mine, its := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer its.Close()
			if _, err := http.ReadRequest(bufio.NewReader(its)); err == nil {
				its.Write(said)
			}
		}()
		target := target(store.CheckHTTP, 80)
		err := askHTTP(t.Context(), mine, &target)
		mine.Close()
		<-done
		if err == nil {
			if !strings.Contains(string(said), " 2") {
				t.Fatalf("%q passed", said)
			}
			return
		}
		switch text := plain(err).Error(); {
		case text == "gave no HTTP answer", text == "connection closed", text == "connection failed", text == "answered with more than 16 KiB of headers":
		case strings.HasPrefix(text, "answered ") && len(text) <= len("answered 999"):
		default:
			t.Fatalf("%q said %q", said, text)
		}
	})
}
