package sample

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/devices/agent/ring"
)

// tree makes files with their contents below a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const dockerID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// version2 and version1 are the same group as the two versions show it: this
// process is below it.
func version2(cpu int) map[string]string {
	group := "system.slice/docker-" + dockerID + ".scope/"
	return map[string]string{
		"cgroup.controllers": "cpu io memory", "cgroup.procs": "",
		group + "cgroup.procs":         "",
		group + "payload/cgroup.procs": fmt.Sprintln(os.Getpid()) + "0\n",
		group + "cpu.stat":             fmt.Sprintf("usage_usec %d\nuser_usec 1\nsystem_usec 2\n", cpu),
		group + "memory.current":       "5000000\n",
		group + "memory.max":           "8000000\n",
		group + "memory.stat":          "anon 1\nfile 2\ninactive_file 1000000\n",
		group + "io.stat":              "8:0 rbytes=100000000000 wbytes=20000000000 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2 rios=1 wios=2 dbytes=0 dios=0\n",
	}
}

func version1(cpu int) map[string]string {
	group := "docker/" + dockerID + "/"
	return map[string]string{
		"memory/cgroup.procs": "", "memory/" + group + "cgroup.procs": fmt.Sprintln(os.Getpid()),
		"memory/" + group + "memory.usage_in_bytes":              "5000000\n",
		"memory/" + group + "memory.limit_in_bytes":              "8000000\n",
		"memory/" + group + "memory.stat":                        "cache 1\ntotal_inactive_file 1000000\n",
		"cpuacct/" + group + "cpuacct.usage":                     fmt.Sprintf("%d000\n", cpu),
		"blkio/" + group + "blkio.throttle.io_service_bytes":     "8:0 Read 100000000000\n8:0 Write 20000000000\n8:0 Sync 5\n8:0 Total 120\n8:16 Read 1\n8:16 Write 2\nTotal 123\n",
		"blkio/" + group + "blkio.throttle.io_service_bytes_sum": "",
	}
}

func TestCgroup(t *testing.T) {
	for version, files := range map[string]func(int) map[string]string{"version 1": version1, "version 2": version2} {
		t.Run(version, func(t *testing.T) {
			root := tree(t, files(1_000_000))
			path, err := FindContainer(root, dockerID[:12])
			if err != nil {
				t.Fatal(err)
			}
			s, err := NewCgroup(t.Context(), root, path, ring.All)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			if err := s.Begin(t.Context(), now); err != nil {
				t.Fatal(err)
			}
			for name, text := range files(1_500_000) { // half a second of CPU later
				if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := s.Take(t.Context(), now.Add(2*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			if got.CPUPercent < 24.99 || got.CPUPercent > 25.01 || got.MemoryBytes != 4_000_000 || got.DiskReadBytes != 100000000001 || got.DiskWriteBytes != 20000000002 {
				t.Errorf("sample %+v", got)
			}
			if got.ThreadCount == 0 || got.FileDescriptorCount == 0 || got.Missing != 0 {
				t.Errorf("its processes' values: %+v", got)
			}
			if limit, limited := s.group.limit(); !limited || limit != 8_000_000 {
				t.Errorf("limit %d, %t", limit, limited)
			}
			if pids, err := CgroupProcesses(root, root+path); err != nil || len(pids) != 1 {
				t.Errorf("processes %v, %v", pids, err)
			}
			if err := os.RemoveAll(root); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Take(t.Context(), now.Add(4*time.Second)); !errors.Is(err, ErrEnded) {
				t.Errorf("the group is gone: %v", err)
			}
		})
	}
}

func TestFindContainer(t *testing.T) {
	tests := []struct {
		name, dir, id, want string
	}{
		{"docker with systemd", "system.slice/docker-" + dockerID + ".scope", dockerID, "/system.slice/docker-" + dockerID + ".scope"},
		{"podman", "machine.slice/libpod-" + dockerID + ".scope", dockerID[:12], "/machine.slice/libpod-" + dockerID + ".scope"},
		{"a pod's container", "kubepods.slice/pod1/cri-containerd-" + dockerID + ".scope", dockerID[:8], "/kubepods.slice/pod1/cri-containerd-" + dockerID + ".scope"},
		{"without systemd", "docker/" + dockerID, dockerID[:12], "/docker/" + dockerID},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := tree(t, map[string]string{"cgroup.controllers": "", tt.dir + "/cgroup.procs": "1\n"})
			if got, err := FindContainer(root, tt.id); err != nil || got != tt.want {
				t.Errorf("got %s, %v", got, err)
			}
			if _, err := FindContainer(root, "ffffffffffff"); err == nil {
				t.Error("another container is found")
			}
		})
	}
	if _, err := FindContainer(t.TempDir(), "01234"); err == nil || err.Error() != `the container's id "01234" is too short: expected 8 characters at least` {
		t.Errorf("a short id: %v", err)
	}
}

func TestOwnCgroup(t *testing.T) {
	v1, v2 := version1(1), version2(1)
	tests := []struct {
		name  string
		files map[string]string
		self  string // what /proc/self/cgroup says
		want  string // the path, "" for none
	}{
		{"version 2", v2, "0::/system.slice/docker-" + dockerID + ".scope\n", "/system.slice/docker-" + dockerID + ".scope"},
		{"version 1", v1, "9:name=systemd:/x\n4:memory:/docker/" + dockerID + "\n0::/\n", "/docker/" + dockerID},
		{"within a container, the path is the host's", map[string]string{"cgroup.controllers": "", "memory.current": "5\n"}, "0::/elsewhere\n", "/"},
		{"none", map[string]string{}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := tree(t, tt.files)
			file := filepath.Join(t.TempDir(), "cgroup")
			if err := os.WriteFile(file, []byte(tt.self), 0o644); err != nil {
				t.Fatal(err)
			}
			g := ownCgroup(root, file)
			if (g == nil) != (tt.want == "") || g != nil && g.path != tt.want {
				t.Errorf("group %+v, want %q", g, tt.want)
			}
		})
	}
}

func TestNoCgroup(t *testing.T) {
	if _, err := NewCgroup(t.Context(), t.TempDir(), "/nowhere", ring.All); err == nil {
		t.Error("a group that is not there is opened")
	}
	root := tree(t, map[string]string{"cgroup.controllers": "", "empty/cgroup.procs": ""})
	s, err := NewCgroup(t.Context(), root, "/empty", ring.All)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Begin(t.Context(), time.Now()); !errors.Is(err, ErrAbsent) {
		t.Errorf("an empty group: %v", err)
	}
}
