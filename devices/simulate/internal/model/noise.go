package model

import "math"

// Noise is a source of numbers that look random. Each is a function of the
// source and of the number's index: nothing is used up.
type Noise uint64

// Of returns a source of its own for a purpose.
func (n Noise) Of(purpose int) Noise {
	return Noise(mix(uint64(n) ^ mix(uint64(purpose)+0x9e3779b97f4a7c15)))
}

// At returns the number with an index, from 0 up to but not 1.
func (n Noise) At(i int64) float64 {
	return float64(mix(uint64(n)+uint64(i)*0x9e3779b97f4a7c15)>>11) / (1 << 53)
}

// Between returns the number with an index between two bounds.
func (n Noise) Between(i int64, from, to float64) float64 { return from + (to-from)*n.At(i) }

// Smooth returns a number from 0 to 1 that moves without jumps and turns about
// once in a period.
func (n Noise) Smooth(at, period Tick) float64 {
	k := at / period
	if at%period < 0 {
		k--
	}
	f := float64(at-k*period) / float64(period)
	a, b := n.At(int64(k)), n.At(int64(k)+1)
	return a + (b-a)*f*f*(3-2*f)
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable
// Pseudorandom Number Generators, 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Daylight is the daily course of what people make devices do: 0 in the night
// about two, 1 in the afternoon about two.
func Daylight(at Tick) float64 {
	return (1 - math.Cos(2*math.Pi*float64(at-2*Hour)/float64(Day))) / 2
}

func clamp(v, low, high float64) float64 { return min(max(v, low), high) }

// round rounds to so many decimals.
func round(v float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(v*scale) / scale
}
