// Package historytest makes rows as devices send them, for comparing how much
// space they take. Every set is a function of its seed.
package historytest
