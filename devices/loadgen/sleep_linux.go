package loadgen

import (
	"syscall"
	"time"
)

// sleep blocks the thread for about d, more exactly than time.Sleep. A signal
// may end it early.
func sleep(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&t, nil)
}
