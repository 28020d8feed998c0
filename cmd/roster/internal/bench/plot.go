package bench

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The measures of a plot, in the units of its view box.
const (
	plotWidth, plotHeight       = 850, 460
	plotLeft, plotTop           = 76, 52
	plotRight, plotBottom       = 640, 396
	labelGap                    = 17 // between the names at the ends of two lines
	plotTick, plotMark, plotPad = 5, 3.5, 10
)

// colours are of lines, for a light and a dark page; names at their ends tell them apart too.
var colours = [...][2]string{
	{"#0969da", "#58a6ff"}, {"#bc4c00", "#f0883e"}, {"#1a7f37", "#3fb950"}, {"#8250df", "#bc8cff"},
	{"#cf222e", "#ff7b72"}, {"#0a7d8c", "#39c5cf"}, {"#9a6700", "#d29922"}, {"#bf3989", "#f778ba"},
}

// curve is a line of a plot: y for each x. Values that are not positive have no place in it.
type curve struct {
	name string
	y    []float64
}

// WriteSVG draws what each operation costs the server by the number of instances, on
// logarithmic axes. It can be read on light and on dark pages.
func (g *Growth) WriteSVG(w io.Writer) error {
	_, err := io.WriteString(w, g.svg())
	if err != nil {
		return fmt.Errorf("write plot: %w", err)
	}
	return nil
}

func (g *Growth) svg() string {
	var xs []float64
	var curves []curve
	for i, p := range g.Points {
		xs = append(xs, float64(p.Instances))
		for _, c := range p.Costs {
			at := 0
			for at < len(curves) && curves[at].name != c.Operation {
				at++
			}
			if at == len(curves) {
				curves = append(curves, curve{c.Operation, make([]float64, len(g.Points))})
			}
			curves[at].y[i] = c.CPUMicros
		}
	}
	p := &plot{xs: xs, curves: curves}
	return p.draw("What one operation costs the server", "instances in the registry", "CPU time of the server, µs")
}

// plot is curves over the same xs, on logarithmic axes.
type plot struct {
	strings.Builder
	xs     []float64
	curves []curve
	x, y   scale
}

// scale maps the decades from low to high to from..to.
type scale struct{ low, high, from, to float64 }

func (s scale) at(v float64) float64 {
	return s.from + (math.Log10(v)-s.low)/(s.high-s.low)*(s.to-s.from)
}

// decades gives whole decades around the values; those that are not positive do not count.
func decades(values []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if v > 0 {
			low, high = min(low, math.Floor(math.Log10(v))), max(high, math.Ceil(math.Log10(v)))
		}
	}
	if low > high {
		return 0, 1
	}
	if low == high {
		high++
	}
	return low, high
}

func (p *plot) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

const plotStyle = `<style>
  svg { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --grid: #d1d9e0; --page: #ffffff%s }
  @media (prefers-color-scheme: dark) { svg { --ink: #f0f6fc; --soft: #9198a1; --grid: #3d444d; --page: #0d1117%s } }
  text { font: 13px system-ui, sans-serif; fill: var(--soft) }
  .title { font-size: 16px; font-weight: 600; fill: var(--ink) }
  .grid { stroke: var(--grid); stroke-width: 1 }
  .axis { stroke: var(--soft); stroke-width: 1 }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round }
</style>
`

func (p *plot) draw(title, xName, yName string) string {
	var all []float64
	for _, c := range p.curves {
		all = append(all, c.y...)
	}
	p.x = scale{from: plotLeft, to: plotRight}
	p.x.low, p.x.high = decades(p.xs)
	p.y = scale{from: plotBottom, to: plotTop}
	p.y.low, p.y.high = decades(all)
	p.printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n",
		plotWidth, plotHeight, html.EscapeString(title+": "+yName+", by "+xName))
	var light, dark strings.Builder
	for i := range p.curves {
		fmt.Fprintf(&light, "; --c%d: %s", i, colours[i%len(colours)][0])
		fmt.Fprintf(&dark, "; --c%d: %s", i, colours[i%len(colours)][1])
	}
	p.printf(plotStyle, light.String(), dark.String())
	p.printf("<rect width=\"%d\" height=\"%d\" fill=\"var(--page)\"/>\n", plotWidth, plotHeight)
	p.printf("<text class=\"title\" x=\"%d\" y=\"28\">%s</text>\n", plotLeft, html.EscapeString(title))
	p.grid(xName, yName)
	for i := range p.curves {
		p.curve(i)
	}
	p.ends()
	p.printf("</svg>\n")
	return p.String()
}

// grid draws the axes with their decades and names.
func (p *plot) grid(xName, yName string) {
	for d := p.y.low; d <= p.y.high; d++ {
		v := math.Pow(10, d)
		at := p.y.at(v)
		p.printf("<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n", plotLeft, at, plotRight, at)
		p.printf("<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", plotLeft-plotPad, at+4, tickName(v))
	}
	for d := p.x.low; d <= p.x.high; d++ {
		v := math.Pow(10, d)
		at := p.x.at(v)
		p.printf("<line class=\"axis\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n", at, plotBottom, at, plotBottom+plotTick)
		p.printf("<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", at, plotBottom+22, tickName(v))
	}
	p.printf("<line class=\"axis\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", plotLeft, plotBottom, plotRight, plotBottom)
	p.printf("<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", (plotLeft+plotRight)/2, plotHeight-20, html.EscapeString(xName))
	p.printf("<text x=\"20\" y=\"%d\" text-anchor=\"middle\" transform=\"rotate(-90 20 %d)\">%s</text>\n",
		(plotTop+plotBottom)/2, (plotTop+plotBottom)/2, html.EscapeString(yName))
}

// Short writes a figure with three digits, or more before the point.
func Short(v float64) string {
	if v >= 100 {
		return grouped(int64(math.Round(v)))
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// tickName writes a power of ten.
func tickName(v float64) string {
	if v >= 1 {
		return grouped(int64(math.Round(v)))
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

// curve draws the ith curve with a mark at each value.
func (p *plot) curve(i int) {
	var points []string
	for j, y := range p.curves[i].y {
		if y > 0 {
			points = append(points, fmt.Sprintf("%.1f,%.1f", p.x.at(p.xs[j]), p.y.at(y)))
		}
	}
	p.printf("<polyline class=\"line\" stroke=\"var(--c%d)\" points=\"%s\"/>\n", i, strings.Join(points, " "))
	for j, y := range p.curves[i].y {
		if y > 0 {
			p.printf("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%v\" fill=\"var(--c%d)\"><title>%s, %s: %s µs</title></circle>\n",
				p.x.at(p.xs[j]), p.y.at(y), plotMark, i, html.EscapeString(p.curves[i].name), grouped(int64(p.xs[j])), Short(y))
		}
	}
}

// ends writes the names of the curves beside their last values, none over another.
func (p *plot) ends() {
	type name struct {
		i      int
		at, to float64 // where it would be, and is
		text   string
	}
	var names []name
	for i, c := range p.curves {
		if y := c.y[len(c.y)-1]; y > 0 {
			names = append(names, name{i: i, at: p.y.at(y), text: c.name + ", " + Short(y)})
		}
	}
	slices.SortFunc(names, func(a, b name) int { return cmp.Compare(a.at, b.at) })
	last := math.Inf(-1)
	for i := range names {
		names[i].to = max(names[i].at, last+labelGap)
		last = names[i].to
	}
	// Those that were pushed below the axis push back.
	limit := float64(plotBottom)
	for i := len(names) - 1; i >= 0; i-- {
		names[i].to = min(names[i].to, limit)
		limit = names[i].to - labelGap
	}
	for _, n := range names {
		p.printf("<line stroke=\"var(--c%d)\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n", n.i, plotRight+6, n.at, plotRight+18, n.to)
		p.printf("<text style=\"fill: var(--c%d)\" x=\"%d\" y=\"%.1f\">%s</text>\n", n.i, plotRight+22, n.to+4, html.EscapeString(n.text))
	}
}
