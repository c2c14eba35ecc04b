package model

import "math"

// Board is the state of a small board with sensors.
type Board struct {
	noise  Noise
	now    Tick
	booted Tick
	boots  int

	temperature, humidity, pressure, gas float64
	reads                                int     // of the bus, since boot
	readTime                             float64 // seconds
	presses                              int     // of a button; taken back when the board mends a double count
}

// BoardReading is what a board's sensors say at a moment.
type BoardReading struct {
	Boots       int
	Temperature [2]float64 // °C, by two sensors
	Humidity    [2]float64 // percent, by two sensors
	Pressure    float64    // hPa
	Gas         int        // ohm
	Reads       int
	ReadTime    float64 // seconds, of all reads
	Presses     int
	Warm        bool // false for half a minute after boot: the gas sensor says nothing yet
	Uptime      int  // seconds
}

// NewBoard returns a board that has been up for up to ten days at start.
func NewBoard(n Noise, start Tick) Board {
	c := n.Of(forCharacter)
	b := Board{noise: n, now: start, boots: 1 + int(c.Between(0, 0, 30))}
	b.booted = start - Tick(c.Between(1, 60, float64(10*Day)))
	b.reads = int(start - b.booted)
	b.readTime = float64(b.reads) * 0.0021
	b.step(start, Effects{})
	return b
}

// Advance moves the board on.
func (b *Board) Advance(to Tick, in Influence) {
	for b.now < to {
		b.now++
		if b.noise.Of(forReboot).At(int64(b.now)) < 1.0/float64(5*Day) {
			b.booted, b.reads, b.readTime, b.presses = b.now, 0, 0, 0
			b.boots++
		}
		b.step(b.now, in(b.now))
	}
}

func (b *Board) step(at Tick, e Effects) {
	c := b.noise.Of(forCharacter)
	b.temperature = c.Between(2, 18, 23) + 4*Daylight(at) + 0.8*b.noise.Of(forSlowLoad).Smooth(at, 900) + 6*e.Load
	b.humidity = clamp(c.Between(3, 38, 58)-12*Daylight(at)+3*b.noise.Of(forMemory).Smooth(at, 1200), 5, 95)
	b.pressure = 983 + 20*b.noise.Of(forSignal).Smooth(at, 12*Hour)
	b.gas = 1.06e6 * (0.7 + 0.6*b.noise.Of(forOther).Smooth(at, 1800))
	b.reads++
	b.readTime += b.noise.Of(forTraffic).Between(int64(at), 0.0015, 0.0027) * (1 + e.Load)
	switch u := b.noise.Of(forFastLoad).At(int64(at)); {
	case u < 0.01:
		b.presses++
	case u < 0.011 && b.presses > 0:
		b.presses--
	}
}

// Boots returns how often the board has booted, for what changes with a boot.
func (b *Board) Boots() int { return b.boots }

// Reading returns what the sensors say.
func (b *Board) Reading() BoardReading {
	return BoardReading{
		Boots:       b.boots,
		Temperature: [2]float64{round(b.temperature, 4), round(b.temperature-0.4, 4)},
		Humidity:    [2]float64{round(b.humidity, 4), round(b.humidity+0.4, 4)},
		Pressure:    round(b.pressure, 2), Gas: int(math.Round(b.gas)),
		Reads: b.reads, ReadTime: round(b.readTime, 6), Presses: b.presses,
		Warm: b.now-b.booted >= 30, Uptime: int(b.now - b.booted),
	}
}
