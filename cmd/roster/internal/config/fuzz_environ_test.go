package config

import (
	"reflect"
	"strings"
	"testing"
)

// FuzzEnvironment reads any variable: the answer is values of their types under known keys, or
// a problem that names the variable, and nothing of what it holds that may be a secret.
func FuzzEnvironment(f *testing.F) {
	f.Add("ROSTER_LISTEN", ":1")
	f.Add("ROSTER_LEASE_MIN_TTL", "2s")
	f.Add("ROSTER_AUTH_SERVICES", `a,"b,c", d`)
	f.Add("ROSTER_STORE_REDIS_ADDRESSES", "redis://user:secret@host:1")
	f.Add("ROSTER_LISTN", "x")
	f.Add("ROSTER_AUTH_POLICIES", "[]")
	f.Add("ROSTER_PORT_8443_TCP_ADDR", "10.0.0.1")
	f.Add("PORT", "80")
	f.Add("TLS_CERT_DIR", "/etc")
	f.Add("CLEANUP_SERVICE_INTERVAL_MS", "5000")
	f.Add("SVC_TTL", "-1")
	f.Fuzz(func(t *testing.T, name, value string) {
		if strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value, 0) {
			return // no system has such variables
		}
		for _, dev := range []bool{false, true} {
			l, err := Load(Options{Environ: []string{name + "=" + value}, Dev: dev})
			if err != nil {
				if !strings.Contains(err.Error(), name) {
					t.Errorf("%q=%q: the error does not name it: %v", name, value, err)
				}
				continue
			}
			_ = l.Config.Validate() // must not panic
		}
		own, _, _ := fromEnvironment(environment([]string{name + "=" + value}))
		for key, s := range own {
			if k := find(key); k == nil || reflect.TypeOf(s.value) != reflect.TypeOf(k.Default) {
				t.Errorf("%s = %T %v", key, s.value, s.value)
			}
		}
	})
}

// FuzzKinds: a value that was read is written in a form that is read as the same.
func FuzzKinds(f *testing.F) {
	for _, s := range []string{"", "0", "-1", "1h30m", "1.5s", "2562047h47m16.854775807s", "9999999999999h", "true", "FALSE", "1", `a,"b ""c""",`, `"`, " a , b ", "a\nb", ",", `""`, "٣s", "1e3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, k := range []Kind{KindText, KindInt, KindBool, KindDuration, KindList} {
			v, err := k.parse(s)
			if err != nil {
				if s != "" && len(s) > 40 && strings.Contains(err.Error(), s) {
					t.Errorf("the error shows the value: %v", err)
				}
				continue
			}
			if again, err := k.parse(format(v)); err != nil || !reflect.DeepEqual(v, again) {
				t.Errorf("%q is %#v, written as %q, and that is %#v, %v", s, v, format(v), again, err)
			}
		}
	})
}
