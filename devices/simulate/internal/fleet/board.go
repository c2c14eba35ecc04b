package fleet

import (
	"fmt"
	"time"

	"weir/devices/simulate/internal/model"
	"weir/devices/simulate/internal/payload"
	"weir/devices/simulate/internal/scene"
)

// Board is a board with sensors.
type Board struct {
	Device

	state model.Board
}

func newBoard(c *Config, i int) *Board {
	b := &Board{Device: newDevice(c, scene.Board, "board", c.Boards, i)}
	b.MQTT5, b.wireless = variant(i, 2) == 0, true
	b.state = model.NewBoard(b.noise, c.start())
	b.every(BoardEvery, b.report)
	b.look()
	return b
}

func (b *Board) report(m moment) []Message {
	b.state.Advance(m.tick, b.influence)
	r := b.state.Reading()
	topic := fmt.Sprintf("expo/%s/%s/%s/metrics", b.Tenant.Service, b.Tenant.Subservice, b.Name)
	return []Message{{Kind: KindBoard, Topic: topic, Payload: payload.Exposition(&r)}}
}

// Peek returns the board's text at a simulated moment; ok is false while it
// cannot be reached. It does not change the board.
func (b *Board) Peek(elapsed time.Duration) (text []byte, ok bool) {
	m := b.moment(elapsed)
	if b.influence(m.tick).Offline || b.lost(elapsed) {
		return nil, false
	}
	state := b.state
	state.Advance(m.tick, b.influence)
	r := state.Reading()
	return payload.Exposition(&r), true
}
