package pull

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// journal writes down what was done, and when, in milliseconds of a minute.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(what string, at time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf("%s %d", what, at.UnixMilli()%60_000))
}

func (j *journal) take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	j.lines = nil
	return lines
}

func (j *journal) task(name string, interval time.Duration, settings string) Task {
	return Task{Name: name, Key: name + settings, Interval: interval,
		Do:  func(_ context.Context, at time.Time) { j.add(name, at) },
		End: func(_ context.Context, at time.Time) { j.add("end of "+name, at) }}
}

func TestATaskIsDueAtItsOwnTimesOfTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		offset := int64(Offset("a", 10*time.Second) / time.Millisecond)
		set := NewSet(time.Now)
		defer set.Stop()
		set.Apply([]Task{j.task("a", 10*time.Second, "")})
		time.Sleep(30*time.Second + time.Millisecond)
		got, want := fmt.Sprint(j.take()), fmt.Sprintf("[a %d a %d a %d]", offset, 10_000+offset, 20_000+offset)
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		set.Stop()
		time.Sleep(time.Minute)
		if lines := j.take(); len(lines) > 0 {
			t.Errorf("after the stop: %s", lines)
		}
	})
}

func TestTasksSpreadOverTheInterval(t *testing.T) {
	quarters := [4]int{}
	for i := range 400 {
		quarters[Offset(fmt.Sprint("target ", i), time.Minute)/(15*time.Second)]++
	}
	for _, n := range quarters {
		if n < 70 || n > 130 {
			t.Errorf("%d", quarters)
		}
	}
	if got := Offset("a", time.Minute); got != 54844962250 {
		t.Errorf("the offset of this name was another, and now is %d", got)
	}
}

func TestApplyLeavesAloneWhatIsTheSameAndEndsWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		set := NewSet(time.Now)
		defer set.Stop()
		set.Apply([]Task{j.task("a", time.Minute, ""), j.task("b", time.Minute, ""), j.task("c", time.Minute, ""), j.task("a", time.Second, "another of this name")})
		if set.Len() != 3 {
			t.Errorf("%d tasks", set.Len())
		}
		time.Sleep(time.Minute + time.Millisecond)
		if lines := j.take(); len(lines) != 3 {
			t.Errorf("%s", lines)
		}
		set.Apply([]Task{j.task("a", time.Minute, ""), j.task("b", time.Minute, "changed")})
		if got := fmt.Sprint(j.take()); got != "[end of c 1]" {
			t.Errorf("got %s", got)
		}
		time.Sleep(time.Minute)
		if lines := j.take(); len(lines) != 2 {
			t.Errorf("%s", lines)
		}
		set.Stop()
		set.Apply([]Task{j.task("d", time.Second, "")})
		time.Sleep(time.Minute)
		if lines := j.take(); len(lines) > 0 || set.Len() > 0 {
			t.Errorf("after the stop: %s", lines)
		}
	})
}

func TestATaskThatTakesLongMissesTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		set := NewSet(time.Now)
		defer set.Stop()
		offset := int64(Offset("slow", 10*time.Second) / time.Millisecond)
		slow := Task{Name: "slow", Interval: 10 * time.Second, Do: func(ctx context.Context, at time.Time) {
			j.add("slow", at)
			time.Sleep(15 * time.Second)
		}}
		set.Apply([]Task{slow})
		time.Sleep(50 * time.Second)
		if got, want := fmt.Sprint(j.take()), fmt.Sprintf("[slow %d slow %d slow %d]", offset, offset+20_000, offset+40_000); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestStopEndsWhatIsBeingDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := NewSet(time.Now)
		ended := false
		set.Apply([]Task{{Name: "a", Interval: time.Second, Do: func(ctx context.Context, _ time.Time) {
			<-ctx.Done()
			ended = true
		}}})
		time.Sleep(2 * time.Second)
		set.Stop()
		if !ended {
			t.Error("Stop did not wait")
		}
	})
}

func TestATimeNearlyDueIsTheDueOne(t *testing.T) {
	due := time.Unix(100, 0)
	for late, want := range map[time.Duration]time.Duration{
		0: 0, 2 * time.Millisecond: 0, 3 * time.Millisecond: 3 * time.Millisecond, -time.Millisecond: 0,
	} {
		if got := aligned(due.Add(late), due, time.Minute).Sub(due); got != want {
			t.Errorf("%s late: %s", late, got)
		}
	}
	if got := aligned(due.Add(2*time.Millisecond), due, 100*time.Millisecond).Sub(due); got != 2*time.Millisecond {
		t.Errorf("more than 1%% of the interval: %s", got)
	}
}
