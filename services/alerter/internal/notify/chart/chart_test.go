package chart

import (
	"bytes"
	"image/png"
	"math"
	"testing"
	"time"

	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/notifytest"
)

func series(values ...float64) notice.Series {
	s := notice.Series{Name: `cpu{source="node-1"}`}
	for i, v := range values {
		s.Times = append(s.Times, notifytest.Began.Add(time.Duration(i)*time.Minute))
		s.Values = append(s.Values, v)
	}
	return s
}

func wave() []float64 {
	var values []float64
	for i := range 120 {
		v := 60 + 30*math.Sin(float64(i)/9)
		if i > 70 && i < 80 {
			v = math.NaN()
		}
		values = append(values, v)
	}
	return values
}

func TestPicturesShowALine(t *testing.T) {
	for name, values := range map[string][]float64{"wave.png": wave(), "flat.png": {4, 4, 4}, "one.png": {81.5}} {
		got, err := PNG(series(values...))
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(got))
		if err != nil {
			t.Fatal(err)
		}
		dark := 0
		for y := range height {
			for x := range width {
				if r, _, _, _ := img.At(x, y).RGBA(); r < 0x8000 {
					dark++
				}
			}
		}
		if img.Bounds().Dx() != width || img.Bounds().Dy() != height || dark < 200 || dark > 8000 || len(got) > 20<<10 {
			t.Errorf("%s: %v, %d dark pixels, %d bytes", name, img.Bounds(), dark, len(got))
		}
	}
}

func TestNothingToDrawIsAnError(t *testing.T) {
	for _, values := range [][]float64{nil, {math.NaN()}, {math.Inf(1), math.Inf(-1)}, {-math.MaxFloat64, math.MaxFloat64}} {
		if _, err := PNG(series(values...)); err == nil {
			t.Errorf("%v: no error", values)
		}
	}
}
