// Package scene is what befalls a simulated fleet: for each scene, what it does
// to a device at a moment. It is pure: a function of the plan, the device and
// the moment.
package scene

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/devices/simulate/internal/model"
)

// Name names a scene.
type Name string

// The scenes.
const (
	Steady      Name = "steady"
	Rollout     Name = "rollout"
	Outage      Name = "outage"
	Flapping    Name = "flapping"
	Storm       Name = "storm"
	BadFirmware Name = "bad-firmware"
)

// All are the scenes with what they do, in a sentence, and the shipped alerts
// that they make fire.
var All = []struct {
	Name   Name
	Does   string
	Alerts []string
}{
	{Steady, "an ordinary day", nil},
	{Rollout, "nodes with firmware 1.0.0 get 1.1.0 in waves and restart, and every second time it is taken back", nil},
	{Outage, "an access point fails, with it the way to the blockchain: devices fall silent, others hang on a weak signal, peers are lost; at the end what was kept comes late",
		[]string{"SourceSilent", "SporeWeakSignal", "PropletOffline", "DataMgmtFewHealthyPeers", "DataMgmtFewPeers"}},
	{Flapping, "a third of the connections breaks again and again", []string{"PropletOffline"}},
	{Storm, "everything is busy at once, reports more often, and disturbs the radio", []string{"SporeHighCPU", "SporeWeakSignal"}},
	{BadFirmware, "a third of the nodes gets 1.3.0, which needs the whole processor and memory, fills the flash, garbles messages and after a while forgets the temperature; at the end the nodes are put to rest and it is taken back",
		[]string{"SporeHighCPU", "SporeHighMemory", "SporeHighFlash", "SourceFieldSilent", "DeadLetters"}},
}

// Parse reads a scene's name.
func Parse(s string) (Name, error) {
	var names []string
	for _, a := range All {
		if string(a.Name) == s {
			return a.Name, nil
		}
		names = append(names, string(a.Name))
	}
	return "", fmt.Errorf("there is no scene %q: expected one of %s", s, strings.Join(names, ", "))
}

// Plan says which scenes are played when. Its times are simulated time.
type Plan struct {
	Scenes []Name        // one after the other
	After  time.Duration // before the first one
	For    time.Duration // of each
	Every  time.Duration // from the beginning of one to that of the next; more than For
	Repeat bool          // begin again behind the last one; else it stays calm
}

// Moment is where a plan stands.
type Moment struct {
	Scene    Name    // that is played, or was played last; Steady before the first
	Run      int     // how often it was played before
	Played   int     // how many scenes were begun
	Progress float64 // 0 at its beginning, 1 at its end, then more
}

// On reports whether the scene is being played.
func (m Moment) On() bool { return m.Played > 0 && m.Progress < 1 }

// At returns where the plan stands at a time since the simulation's begin.
func (p *Plan) At(elapsed time.Duration) Moment {
	if len(p.Scenes) == 0 || elapsed < p.After {
		return Moment{Scene: Steady}
	}
	since := elapsed - p.After
	k := int(since / p.Every)
	if !p.Repeat {
		k = min(k, len(p.Scenes)-1)
	}
	name := p.Scenes[k%len(p.Scenes)]
	return Moment{
		Scene: name, Run: k / len(p.Scenes), Played: k + 1,
		Progress: float64(since-time.Duration(k)*p.Every) / float64(p.For),
	}
}

// Has reports whether a scene is part of the plan.
func (p *Plan) Has(n Name) bool { return slices.Contains(p.Scenes, n) }

// Kind is a kind of device.
type Kind uint8

// The kinds of devices.
const (
	Node Kind = iota + 1
	Proplet
	Board
	DataNode
)

// Device is what a scene knows of a device.
type Device struct {
	Kind     Kind
	Index    int         // among those of its kind, from 0
	Firmware string      // that it came with
	Noise    model.Noise // its own
}

// struck reports whether the device is one of the share that something strikes;
// the first one of a kind always is, so that a small fleet shows it too.
func (d *Device) struck(what int, share float64) bool {
	return d.Index == 0 || d.Noise.Of(what).At(0) < share
}
