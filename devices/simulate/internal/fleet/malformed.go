package fleet

import (
	"weir/devices/simulate/internal/model"
	"weir/devices/simulate/internal/payload"
)

// damage makes a share of the messages malformed.
func (d *Device) damage(m *Message, e model.Effects) {
	d.sent++
	if share := d.config.Malformed + e.Malformations; share > 0 && d.noise.Of(forMalformed).At(d.sent) < share {
		m.Payload, _ = payload.Malformed(m.Payload, int(3*d.noise.Of(forWhich).At(d.sent)))
		m.Malformed = true
	}
}
