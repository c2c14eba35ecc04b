//go:build !linux

package loadgen

import "time"

// sleep sleeps for about d.
func sleep(d time.Duration) { time.Sleep(d) }
