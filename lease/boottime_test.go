package lease

import (
	"runtime"
	"testing"
	"time"
)

func TestBoottimeOfThisSystem(t *testing.T) {
	read := Boottime()
	if read == nil {
		if runtime.GOOS == "linux" {
			t.Fatal("Linux has CLOCK_BOOTTIME since 2.6.39")
		}
		t.Skip("no boot time clock here")
	}
	a := read()
	b := read()
	if a <= 0 || b < a || b-a > time.Minute {
		t.Errorf("two readings: %v, %v", a, b)
	}
}
