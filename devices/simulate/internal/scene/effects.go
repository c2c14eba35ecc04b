package scene

import (
	"math"
	"time"

	"weir/devices/simulate/internal/model"
)

// The purposes of a device's noise in scenes.
const (
	forOutage = 1000 + iota
	forWeakness
	forFlapping
	forStorm
	forRollout
	forBadFirmware
)

// Effects returns what the plan does to a device at a time since the
// simulation's begin.
func (p *Plan) Effects(d *Device, elapsed time.Duration) model.Effects {
	var e model.Effects
	if len(p.Scenes) == 0 {
		return e
	}
	m := p.At(elapsed)
	if p.Has(Rollout) {
		e.Firmware = p.rolledOut(d, m)
	}
	if !m.On() {
		return e
	}
	switch m.Scene {
	case Outage:
		outage(&e, d)
	case Flapping:
		flapping(&e, d, m)
	case Storm:
		storm(&e, d)
	case BadFirmware:
		badFirmware(&e, d, m)
	}
	return e
}

// outage: half of the nodes and boards, and a third of the proplets, have no
// connection; half of the other nodes hang on a distant access point.
func outage(e *model.Effects, d *Device) {
	switch d.Kind {
	case Node, Board:
		e.Offline = d.struck(forOutage, 0.5)
		if !e.Offline && (d.Index == 1 || d.Noise.Of(forWeakness).At(0) < 0.5) {
			e.Signal = 48
		}
	case Proplet:
		e.Offline = d.struck(forOutage, 1.0/3)
	case DataNode:
		e.Peers, e.Chainless = 0.9, true
	}
}

// flaps is how often a connection breaks in one scene.
const flaps = 8

// flapping: a third of the connections is gone for 35 % of each eighth of the
// scene, each beginning at its own moment.
func flapping(e *model.Effects, d *Device, m Moment) {
	if d.Kind == DataNode || !d.struck(forFlapping, 1.0/3) {
		return
	}
	_, phase := math.Modf(m.Progress*flaps + d.Noise.Of(forFlapping).At(1))
	e.Offline = phase > 0.5 && phase < 0.85
}

func storm(e *model.Effects, d *Device) {
	e.Load, e.Haste, e.Signal = 0.15, 2, 6
	if d.struck(forStorm, 0.6) {
		e.Load = 0.85
	}
	if d.Kind == Node && (d.Index == 1 || d.Noise.Of(forWeakness).At(1) < 0.2) {
		e.Signal = 48
	}
}

// In wave, a part of a scene, a firmware is rolled out; the bad one loses its
// sensor behind blind. Before, its nodes have to report the temperature for a
// while: with its label version a node begins new series, and what was never in
// them does not fall silent. Behind rest the nodes are at rest, still with the
// bad firmware, until they get their own back: for the same reason the series
// that were too high have to say that they are well again.
const (
	wave  = 0.1
	blind = 0.4
	rest  = 0.9
)

// badFirmware: a node has it until the scene's end, at which it gets its own
// firmware back.
func badFirmware(e *model.Effects, d *Device, m Moment) {
	if d.Kind != Node || !d.struck(forBadFirmware, 1.0/3) || m.Progress < wave*d.Noise.Of(forBadFirmware).At(1) {
		return
	}
	e.Firmware = BadVersion
	if m.Progress > rest {
		return
	}
	e.Load, e.Memory, e.Flash = 0.8, 0.5, 0.75
	e.NoHeat, e.Malformations = m.Progress > blind, 0.05
}

// The versions that scenes roll out.
const (
	OldVersion  = "1.0.0"
	GoodVersion = "1.1.0"
	BadVersion  = "1.3.0"
)

// rolledOut is the version that the rollouts so far have left on a node, ""
// for its own. A tenth of the scene is for the first canaries.
func (p *Plan) rolledOut(d *Device, m Moment) string {
	if d.Kind != Node || d.Firmware != OldVersion {
		return ""
	}
	due := 0.1 + 0.7*d.Noise.Of(forRollout).At(0)
	if d.Noise.Of(forRollout).At(1) < 0.1 {
		due = 0 // a canary
	}
	done := p.begun(Rollout, m)
	if m.Scene == Rollout && m.Progress < due {
		done-- // this one has not come to the node
	}
	if done%2 == 1 {
		return GoodVersion
	}
	return ""
}

// begun counts how often a scene was begun.
func (p *Plan) begun(n Name, m Moment) int {
	count := 0
	for i, name := range p.Scenes {
		if name == n {
			count += (m.Played - i + len(p.Scenes) - 1) / len(p.Scenes)
		}
	}
	return count
}
