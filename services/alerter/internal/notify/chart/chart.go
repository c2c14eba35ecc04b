// Package chart draws a small picture of a series, for mails.
package chart

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"weir/services/alerter/internal/notify/notice"
)

// The picture's size and margins, in pixels.
const (
	width, height                     = 560, 160
	left, right, upper, lower         = 64, 12, 22, 22
	lineWidth                 float32 = 1.6
)

var (
	ink  = color.Gray{0x20}
	pale = color.Gray{0xd8}
)

// PNG draws a series: a dark line, the least and the greatest value, and the
// first and the last time. It is an error if there is nothing to draw.
func PNG(s notice.Series) ([]byte, error) {
	low, high, ok := bounds(s)
	if !ok {
		return nil, fmt.Errorf("draw %q: no values", s.Name)
	}
	img := image.NewGray(image.Rect(0, 0, width, height))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	frame(img)
	for _, part := range parts(s, low, high) {
		stroke(img, part)
	}
	label(img, left, 14, s.Name)
	label(img, 4, upper+10, number(high))
	if high != low {
		label(img, 4, height-lower, number(low))
	}
	first, last := s.Times[0], s.Times[len(s.Times)-1]
	label(img, left, height-6, clock(first))
	text := clock(last)
	label(img, width-right-7*len(text), height-6, text)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("draw %q: %w", s.Name, err)
	}
	return b.Bytes(), nil
}

func bounds(s notice.Series) (low, high float64, ok bool) {
	low, high = math.Inf(1), math.Inf(-1)
	for i := range min(len(s.Values), len(s.Times)) {
		if v := s.Values[i]; finite(v) {
			low, high, ok = min(low, v), max(high, v), true
		}
	}
	return low, high, ok && finite(high-low)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

type point struct{ x, y float32 }

// parts are the lines between gaps, in pixels.
func parts(s notice.Series, low, high float64) (all [][]point) {
	var part []point
	from, to := s.Times[0], s.Times[len(s.Times)-1]
	for i := range min(len(s.Values), len(s.Times)) {
		v := s.Values[i]
		if !finite(v) {
			all, part = append(all, part), nil
			continue
		}
		x, y := 0.5, 0.5
		if to.After(from) {
			x = float64(s.Times[i].Sub(from)) / float64(to.Sub(from))
		}
		if high > low {
			y = (v - low) / (high - low)
		}
		part = append(part, point{
			float32(left + x*(width-left-right)),
			float32(height - lower - y*(height-lower-upper)),
		})
	}
	return append(all, part)
}

func frame(img draw.Image) {
	for x := left; x <= width-right; x++ {
		img.Set(x, upper, pale)
		img.Set(x, height-lower, pale)
	}
	for y := upper; y <= height-lower; y++ {
		img.Set(left, y, pale)
		img.Set(width-right, y, pale)
	}
}

// stroke draws a line through points; a single one becomes a dot.
func stroke(img draw.Image, points []point) {
	if len(points) == 0 {
		return
	}
	if len(points) == 1 {
		p := points[0]
		points = []point{{p.x - 2, p.y}, {p.x + 2, p.y}}
	}
	r := vector.NewRasterizer(width, height)
	for i := 1; i < len(points); i++ {
		segment(r, points[i-1], points[i])
	}
	r.Draw(img, img.Bounds(), image.NewUniform(ink), image.Point{})
}

// segment adds a rectangle around the line between two points.
func segment(r *vector.Rasterizer, a, b point) {
	dx, dy := b.x-a.x, b.y-a.y
	length := float32(math.Hypot(float64(dx), float64(dy)))
	if length == 0 {
		return
	}
	nx, ny := -dy/length*lineWidth/2, dx/length*lineWidth/2
	r.MoveTo(a.x+nx, a.y+ny)
	r.LineTo(b.x+nx, b.y+ny)
	r.LineTo(b.x-nx, b.y-ny)
	r.LineTo(a.x-nx, a.y-ny)
	r.ClosePath()
}

// label writes a text whose line is at y. The font knows ASCII only, and shows
// a box for everything else.
func label(img draw.Image, x, y int, text string) {
	if room := (width - right - x) / 7; utf8.RuneCountInString(text) > room {
		text = string([]rune(text)[:room])
	}
	d := font.Drawer{Dst: img, Src: image.NewUniform(ink), Face: basicfont.Face7x13, Dot: fixed.P(x, y)}
	d.DrawString(text)
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

func clock(t time.Time) string { return t.UTC().Format("Jan 2 15:04:05 UTC") }
