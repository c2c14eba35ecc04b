//go:build linux

package sample

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/devices/agent/ring"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What ended does not make a task's counters fall; only the present is summed up.
func TestSums(t *testing.T) {
	began := time.Unix(1000, 0)
	tests := []struct {
		name  string
		sums  []sums // a second apart
		check func(s ring.Sample) bool
	}{
		{"the first sample has no CPU usage", []sums{{cpu: 5}}, func(s ring.Sample) bool { return s.CPUPercent == 0 }},
		{"CPU is that of a second", []sums{{}, {cpu: 1.5}}, func(s ring.Sample) bool { return s.CPUPercent == 150 }},
		{"CPU that ran backwards is none", []sums{{}, {cpu: -1}}, func(s ring.Sample) bool { return s.CPUPercent == 0 }},
		{"memory is a part of the machine's", []sums{{memory: 250}}, func(s ring.Sample) bool { return s.MemoryBytes == 250 && s.MemoryPercent == 25 }},
		{"what was written stays written", []sums{{disk: totals{7, 9}}, {disk: totals{3, 10}}}, func(s ring.Sample) bool { return s.DiskReadBytes == 7 && s.DiskWriteBytes == 10 }},
		{"what one process misses the task misses", []sums{{missing: ring.DiskIO}}, func(s ring.Sample) bool { return s.Missing == ring.DiskIO }},
		{"what is not collected is not missing", []sums{{missing: ring.Threads}}, func(s ring.Sample) bool { return s.Missing == 0 }},
		{"the oldest process says how long", []sums{{}, {}, {}}, func(s ring.Sample) bool { return s.UptimeSeconds == 12 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := Sampler{collect: ring.All &^ ring.Threads, machine: 1000}
			var out ring.Sample
			for i, sum := range tt.sums {
				sum.began = began.Add(time.Duration(i) * time.Second)
				now := began.Add(10*time.Second + time.Duration(i)*time.Second)
				out = s.sample(now, &sum)
				s.last = now
			}
			if !tt.check(out) {
				t.Errorf("sample %+v", out)
			}
		})
	}
}

// What a process has read stays with the task when it ends, once.
func TestWhatEndedProcessesHaveRead(t *testing.T) {
	tests := []struct {
		name  string
		task  Sampler
		child int32 // whose parent it is: 1 is a member, 2 is none
		want  uint64
	}{
		{"a process that nobody of the task waits for", Sampler{set: &processSet{name: "x"}}, 2, 12},
		{"a child of a member, which inherits it", Sampler{set: &processSet{name: "x"}}, 1, 5},
		{"an orphan, which is waited for here", Sampler{set: &processSet{tree: true}, orphans: &Orphans{}}, 2, 5},
		{"a control group, which counts it itself", Sampler{set: &cgroup{}, group: &cgroup{}}, 2, 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.task
			s.members = map[int32]*member{1: {}, 3: {parent: tt.child, disk: totals{7, 8}}}
			s.depart(3)
			s.settle()
			if got := s.sample(time.Now(), &sums{disk: totals{5, 5}}); got.DiskReadBytes != tt.want {
				t.Errorf("%d bytes read, want %d", got.DiskReadBytes, tt.want)
			}
		})
	}
}

// A program that is started anew begins anew, and what its earlier process has
// written stays.
func TestAProgramThatIsStartedAnew(t *testing.T) {
	program := filepath.Join(t.TempDir(), "weir-anew-"+strconv.Itoa(os.Getpid()))
	if err := os.Symlink("/bin/sleep", program); err != nil {
		t.Fatal(err)
	}
	begin := func() (end func()) {
		cmd := exec.Command(program, "600")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return sync.OnceFunc(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
	end := begin()
	defer func() { end() }()
	s, err := NewNamed(t.Context(), filepath.Base(program), ring.All)
	if err != nil {
		t.Fatal(err)
	}
	take := func() ring.Sample {
		t.Helper()
		out, err := s.Take(t.Context(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	take()
	s.began = time.Now().Add(-time.Hour)
	if up := take().UptimeSeconds; up < 3600 {
		t.Errorf("while its process runs it is up for %d s", up)
	}
	for _, m := range s.members {
		m.disk.written = 1 << 40
	}
	end()
	end = begin()
	if out := take(); out.UptimeSeconds > 1800 || out.DiskWriteBytes < 1<<40 {
		t.Errorf("after a restart: %+v", out)
	}
}

func TestLedger(t *testing.T) {
	tests := []struct {
		name string
		sums []float64
		want []float64
	}{
		{"what grows was spent", []float64{1, 3, 3, 4}, []float64{1, 2, 0, 1}},
		{"a child that was missed once is counted once", []float64{10, 4, 12}, []float64{10, 0, 2}},
		{"a child that is lost is forgotten", []float64{10, 4, 5, 6}, []float64{10, 0, 0, 1}},
		{"two are missed, one after the other", []float64{10, 4, 11, 5, 12}, []float64{10, 0, 1, 0, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l ledger
			for i, sum := range tt.sums {
				if got := l.spent(sum); got != tt.want[i] {
					t.Errorf("sum %d: %v spent, want %v", i, got, tt.want[i])
				}
			}
		})
	}
}

func TestAProcessThatIsNotThere(t *testing.T) {
	if _, err := NewProcess(t.Context(), math.MaxInt32, false, ring.All); !errors.Is(err, ErrEnded) {
		t.Errorf("error %v", err)
	}
	if _, err := Name(t.Context(), math.MaxInt32); err == nil {
		t.Error("it has a name")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if name, err := Name(t.Context(), int32(os.Getpid())); err != nil || name != filepath.Base(self) {
		t.Errorf("own name %q, %v, want %q", name, err, filepath.Base(self))
	}
}

// A number that another process has now is not the one that was watched.
func TestAnotherProcessUnderTheSameNumber(t *testing.T) {
	s, err := NewProcess(t.Context(), int32(os.Getpid()), false, ring.All)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Begin(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, m := range s.members {
		m.mark += "1"
	}
	if _, err := s.Take(t.Context(), time.Now()); !errors.Is(err, ErrEnded) {
		t.Errorf("error %v", err)
	}
}

func TestLoopback(t *testing.T) {
	for card, want := range map[string]bool{"lo": true, "lo0": true, "Loopback Pseudo-Interface 1": true, "eth0": false, "lowpan0": false} {
		if isLoopback(card) != want {
			t.Errorf("%s: %t", card, !want)
		}
	}
}

func TestHost(t *testing.T) {
	own, err := NewOwn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, h := range []*Host{own, NewMachine()} {
		first, err := h.Take(t.Context(), now)
		if err != nil || first.CPUPercent != 0 || first.RSSBytes == 0 || first.Time != now {
			t.Errorf("first %+v, %v", first, err)
		}
		second, err := h.Take(t.Context(), now.Add(time.Second))
		if err != nil || second.UserSeconds < first.UserSeconds || second.CPUPercent < 0 {
			t.Errorf("second %+v, %v", second, err)
		}
		if isOwn := h == own; isOwn != (first.HeapAllocBytes != nil) || isOwn && *first.HeapAllocBytes > *first.HeapInuseBytes {
			t.Errorf("heap %+v", first)
		}
	}
	if m := Describe(t.Context(), "1"); m.OS == "" || m.TotalMemoryBytes == 0 || m.PropletVersion != "1" {
		t.Errorf("machine %+v", m)
	}
	if boot, err := Boot(t.Context()); err != nil || !boot.Before(now) {
		t.Errorf("boot %s, %v", boot, err)
	}
}
