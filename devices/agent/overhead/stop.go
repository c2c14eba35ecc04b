package overhead

import (
	"fmt"
	"os"
	"runtime"
	"slices"
)

// interrupt asks an agent to end; where it cannot be asked, it is killed.
func interrupt(p *os.Process) error {
	f := func() error { return p.Signal(os.Interrupt) }
	if runtime.GOOS == "windows" {
		f = p.Kill
	}
	if err := f(); err != nil {
		return fmt.Errorf("stop the agent: %w", err)
	}
	return nil
}

// interrupted reports whether an agent had to be killed by us.
func interrupted(*os.ProcessState) bool { return runtime.GOOS == "windows" }

func middle(values []int64) int64 {
	slices.Sort(values)
	return values[len(values)/2]
}
