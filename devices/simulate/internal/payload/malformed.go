package payload

import "bytes"

// Malformed damages a message as broken devices do; which of the ways is chosen
// by the number. The reason is the one that weir gives for it.
func Malformed(payload []byte, which int) (bad []byte, reason string) {
	switch {
	case len(payload) == 0 || payload[0] != '{':
		return append([]byte("board_temperature{sensor=\n"), payload...), "not_exposition"
	case which%3 == 0: // cut off, as by a full buffer
		return bytes.Clone(payload[:len(payload)/2]), "not_json"
	case which%3 == 1: // a list of one
		return append(append([]byte{'['}, payload...), ']'), "not_an_object"
	default: // a byte that the radio turned
		bad = bytes.Clone(payload)
		bad[bytes.IndexByte(bad, ':')] = ';'
		return bad, "not_json"
	}
}
