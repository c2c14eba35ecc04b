package sample

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"weir/devices/agent/ring"
)

// DefaultCgroupRoot is where Linux mounts its control groups.
const DefaultCgroupRoot = "/sys/fs/cgroup"

// cgroup is a control group of Linux, of version 2, where one directory has
// everything, or of version 1, where each controller has its own.
type cgroup struct {
	root string
	path string // below the root, or below each controller
	v2   bool
}

// controllers are those of version 1 that know a group's processes.
var controllers = []string{"memory", "cpuacct", "cpu,cpuacct", "blkio", "pids", "systemd"}

// NewCgroup measures the processes of a control group and of those below it.
// The path is as in /proc/PID/cgroup, or with the root in front.
func NewCgroup(ctx context.Context, root, path string, collect ring.Fields) (*Sampler, error) {
	g, err := openCgroup(root, path)
	if err != nil {
		return nil, err
	}
	s, err := newSampler(ctx, g, collect)
	if err == nil {
		s.group = g
	}
	return s, err
}

func openCgroup(root, path string) (*cgroup, error) {
	g := &cgroup{root: root, path: filepath.Clean("/" + strings.TrimPrefix(path, root))}
	_, err := os.Stat(filepath.Join(root, "cgroup.controllers"))
	g.v2 = err == nil
	for _, dir := range g.dirs() {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return g, nil
		}
	}
	return nil, fmt.Errorf("there is no control group %s below %s", path, root)
}

// dirs are the directories that may have the group's processes.
func (g *cgroup) dirs() []string {
	if g.v2 {
		return []string{filepath.Join(g.root, g.path)}
	}
	var dirs []string
	for _, c := range controllers {
		dirs = append(dirs, filepath.Join(g.root, c, g.path))
	}
	return dirs
}

// FindContainer returns the path of a container's control group. The id may be
// shortened, as container engines show it.
func FindContainer(root, id string) (string, error) {
	const shortest = 8
	if len(id) < shortest {
		return "", fmt.Errorf("the container's id %q is too short: expected %d characters at least", id, shortest)
	}
	base := cgroup{root: root}
	_, err := os.Stat(filepath.Join(root, "cgroup.controllers"))
	base.v2 = err == nil
	for _, dir := range base.dirs() {
		if path := findContainer(dir, id); path != "" {
			return path, nil
		}
	}
	return "", fmt.Errorf("no control group below %s belongs to a container %s", root, id)
}

func findContainer(root, id string) (found string) {
	walk := func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // what cannot be read is none of ours
		}
		name := strings.TrimSuffix(d.Name(), ".scope")
		if strings.HasPrefix(name[strings.LastIndexByte(name, '-')+1:], id) {
			found = "/" + strings.TrimPrefix(strings.TrimPrefix(path, root), "/")
			return fs.SkipAll
		}
		return nil
	}
	_ = filepath.WalkDir(root, walk) // walk returns none
	return found
}

// pids lists the processes of the group and of those below it.
func (g *cgroup) pids(context.Context) ([]int32, error) {
	for _, dir := range g.dirs() {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		if pids := pidsBelow(dir); len(pids) > 0 {
			return pids, nil
		}
		return nil, ErrAbsent
	}
	return nil, ErrEnded // the group itself is gone
}

// CgroupProcesses lists the processes of a control group and of those below it.
func CgroupProcesses(root, path string) ([]int32, error) {
	g, err := openCgroup(root, path)
	if err != nil {
		return nil, ErrEnded
	}
	return g.pids(context.Background())
}

func pidsBelow(dir string) []int32 {
	var pids []int32
	walk := func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		if err != nil {
			return nil // it went away
		}
		for line := range strings.Lines(string(text)) {
			if pid, err := strconv.ParseInt(strings.TrimSpace(line), 10, 32); err == nil && pid > 0 { // 0 is one that this namespace cannot see
				pids = append(pids, int32(pid))
			}
		}
		return nil
	}
	_ = filepath.WalkDir(dir, walk) // walk returns none
	slices.Sort(pids)
	return pids
}

// file is the path of one of the group's files, in version 1 of a controller.
func (g *cgroup) file(controller, name string) string {
	if g.v2 {
		return filepath.Join(g.root, g.path, name)
	}
	return filepath.Join(g.root, controller, g.path, name)
}

// cpuSeconds is the CPU time that the group has used, ended processes included.
func (g *cgroup) cpuSeconds() (float64, error) {
	if g.v2 {
		us, err := statValue(g.file("", "cpu.stat"), "usage_usec")
		return float64(us) / 1e6, err
	}
	ns, err := wholeFile(g.file("cpuacct", "cpuacct.usage"))
	return float64(ns) / 1e9, err
}

// memory is what the group uses without what the kernel could take back at once.
func (g *cgroup) memory() (uint64, error) {
	usage, cache := "memory.current", "inactive_file"
	if !g.v2 {
		usage, cache = "memory.usage_in_bytes", "total_inactive_file"
	}
	used, err := wholeFile(g.file("memory", usage))
	if err != nil {
		return 0, err
	}
	inactive, err := statValue(g.file("memory", "memory.stat"), cache)
	if err != nil || inactive > used {
		return used, nil
	}
	return used - inactive, nil
}

// limit is the most memory that the group may have; false if it is unlimited.
func (g *cgroup) limit() (uint64, bool) {
	name := "memory.max"
	if !g.v2 {
		name = "memory.limit_in_bytes"
	}
	v, err := wholeFile(g.file("memory", name)) // "max" is no number
	return v, err == nil && v < math.MaxInt64/2 // version 1's "unlimited" is near the largest number
}

// disk is what the group has read and written, ended processes included.
func (g *cgroup) disk() (totals, error) {
	if g.v2 {
		return deviceTotals(g.file("", "io.stat"), "rbytes=", "wbytes=")
	}
	t, err := deviceTotals(g.file("blkio", "blkio.throttle.io_service_bytes_recursive"), "Read", "Write")
	if err != nil {
		t, err = deviceTotals(g.file("blkio", "blkio.throttle.io_service_bytes"), "Read", "Write")
	}
	return t, err
}

// deviceTotals adds up the lines of a file that has one or several for each
// device: "8:0 rbytes=1 wbytes=2 …", or "8:0 Read 1".
func deviceTotals(path, read, write string) (totals, error) {
	var t totals
	err := eachLine(path, func(line string) {
		fields := strings.Fields(line)
		for i, f := range fields {
			value, ok := strings.CutPrefix(f, read)
			into := &t.read
			if !ok {
				if value, ok = strings.CutPrefix(f, write); !ok {
					continue
				}
				into = &t.written
			}
			if value == "" && i+1 < len(fields) {
				value = fields[i+1]
			}
			if n, err := strconv.ParseUint(value, 10, 64); err == nil {
				*into += n
			}
		}
	})
	return t, err
}

var errNoValue = errors.New("the value is not there")

// statValue reads a line "name value" of a file.
func statValue(path, name string) (uint64, error) {
	value, found := uint64(0), false
	err := eachLine(path, func(line string) {
		if text, ok := strings.CutPrefix(line, name+" "); ok && !found {
			if n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64); err == nil {
				value, found = n, true
			}
		}
	})
	if err == nil && !found {
		err = errNoValue
	}
	return value, err
}

func wholeFile(path string) (uint64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
}

func eachLine(path string, f func(string)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		f(lines.Text())
	}
	return lines.Err()
}
