package machine

import (
	"errors"
	"os"
	"runtime"
	"testing"
	"time"
)

func TestCPUTime(t *testing.T) {
	before, err := CPUTime(os.Getpid())
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("this kernel does not tell: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(20 * time.Second)
	for n := 0; ; n++ {
		if n%1_000_000 == 0 {
			runtime.Gosched()
			after, err := CPUTime(os.Getpid())
			if err != nil {
				t.Fatal(err)
			}
			if after > before {
				return
			}
			if time.Now().After(end) {
				t.Fatal("a loop took no time")
			}
		}
	}
}

func TestCPUTimeOfNobody(t *testing.T) {
	if _, err := CPUTime(1 << 30); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("error %v", err)
	}
}
