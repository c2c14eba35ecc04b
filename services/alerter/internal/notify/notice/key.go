package notice

import (
	"crypto/sha256"
	"encoding/hex"
)

// DedupKey is what vendors know a group by: its key may be longer than they
// take. It is what Alertmanager sends.
func (m *Message) DedupKey() string {
	sum := sha256.Sum256([]byte(m.GroupKey))
	return hex.EncodeToString(sum[:])
}
