//go:build !linux

package overhead

import "github.com/shirou/gopsutil/v4/process"

// ownMemory is a process's resident memory.
func ownMemory(p *process.Process) (int64, error) {
	m, err := p.MemoryInfo()
	if err != nil {
		return 0, err
	}
	return int64(m.RSS), nil
}
