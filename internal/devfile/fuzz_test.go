package devfile

import "testing"

// What is read from a discovery file can be signalled and connected to, and is written as it
// was read.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "{}", `{"host":"127.0.0.1","port":7000,"pid":1,"startedAt":"2026-01-02T03:04:05.678Z"}`, `{"host":"::1","port":1,"pid":2147483647}`,
		`{"host":"h","port":0,"pid":1}`, `{"host":"h","port":1,"pid":-1}`, `{"host":"h","port":1,"pid":4294967297}`, `{"host":"h","port":1e3,"pid":1}`,
		`{"host":"h","port":1,"pid":1,"startedAt":"yesterday"}`, `[]`, `null`, `{"host":"h","port":1,"pid":1} x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := decode(data)
		if err != nil {
			return
		}
		if info.Host == "" || info.Port < 1 || info.Port > 65535 || info.PID < 1 || info.PID > maxPID {
			t.Fatalf("%s is believed: %+v", data, info)
		}
		text, err := encode(info)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decode(text)
		// A file tells the moment to the millisecond.
		if err != nil || again.Address() != info.Address() || again.PID != info.PID || again.StartedAt.UnixMilli() != info.StartedAt.UnixMilli() {
			t.Fatalf("%+v is read back as %+v, %v", info, again, err)
		}
	})
}
