package overhead

import "github.com/shirou/gopsutil/v4/process"

// ownMemory is a process's resident memory without the pages of its program's
// file: which of those are there is up to the kernel, not to the program.
func ownMemory(p *process.Process) (int64, error) {
	m, err := p.MemoryInfoEx()
	if err != nil {
		return 0, err
	}
	return int64(m.RSS - m.Shared), nil
}
