package bench

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func sample() *Growth {
	var g Growth
	for i, n := range []int{1000, 10_000, 100_000, 1_000_000} {
		p := Point{Instances: n}
		for k, name := range []string{costBatch, costRenewal, costResolve, costRegister, costEvent, costEviction, "a & <b>"} {
			cost := 10 + float64(k%3)/10 + float64(i)/100
			if k == 4 && i == 1 {
				cost = 0 // too little to be seen
			}
			p.Costs = append(p.Costs, Cost{Operation: name, CPUMicros: cost})
		}
		g.Points = append(g.Points, p)
	}
	return &g
}

func TestPlotIsWellFormed(t *testing.T) {
	t.Parallel()
	one := sample()
	one.Points = one.Points[:1]
	for _, g := range []*Growth{sample(), one} {
		var b bytes.Buffer
		if err := g.WriteSVG(&b); err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(bytes.NewReader(b.Bytes()))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in\n%s", err, b.String())
			}
		}
		for _, want := range []string{"prefers-color-scheme: dark", "instances in the registry", "CPU time of the server, µs", "a &amp; &lt;b&gt;", ">1,000<"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("no %q in\n%s", want, b.String())
			}
		}
		if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
			t.Errorf("no number in\n%s", b.String())
		}
	}
}

// Names at the ends of lines do not cover each other, and stay within the plot.
func TestPlotNamesStandApart(t *testing.T) {
	t.Parallel()
	text := sample().svg()
	found := regexp.MustCompile(`<text style="[^"]*" x="\d+" y="([0-9.]+)">`).FindAllStringSubmatch(text, -1)
	if len(found) != 7 {
		t.Fatalf("%d names", len(found))
	}
	last := -1.0
	for _, m := range found {
		y, err := strconv.ParseFloat(m[1], 64)
		if err != nil || last > 0 && y-last < labelGap-0.2 || y < plotTop || y > plotBottom+5 {
			t.Errorf("a name at %v after %v, %v", y, last, err)
		}
		last = y
	}
}
