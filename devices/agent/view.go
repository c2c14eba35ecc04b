package agent

import (
	"context"
	"fmt"
	"strings"
	"time"

	"weir/devices/agent/ring"
	"weir/devices/agent/screen"
	"weir/devices/agent/serve"
	"weir/devices/agent/spool"
)

// current returns the tasks that are measured, and the newest of the proplet.
func (a *Agent) current() (tasks []*task, v serve.View) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append(tasks, a.tasks...), serve.View{PropletID: a.proplet.ID, Host: a.host}
}

// view is what the HTTP endpoints show.
func (a *Agent) view(taskID string, history int) serve.View {
	tasks, v := a.current()
	for _, t := range tasks {
		if taskID != "" && taskID != t.id {
			continue
		}
		t.mu.Lock()
		shown := serve.Task{ID: t.id, Profile: t.profile, Latest: t.latest, History: t.ring.Latest(nil, history), Total: t.ring.Len()}
		if over, ok := t.ring.Aggregates(); ok {
			shown.Over = &over
		}
		t.mu.Unlock()
		v.Tasks = append(v.Tasks, shown)
	}
	state, connected, sent := a.sending()
	v.Agent = serve.Agent{Connected: connected, Samples: a.samples.Load(), Sent: sent, Waiting: state.Messages, Lost: state.Lost}
	return v
}

// sending says how the sending does.
func (a *Agent) sending() (state spool.State, connected bool, sent uint64) {
	if a.publisher == nil {
		return spool.State{}, false, 0
	}
	return a.spool.State(), a.publisher.Connected(), a.publisher.Sent()
}

// barSamples is how many samples the screen's bars show at most.
const barSamples = 240

func (a *Agent) screenView(now time.Time) screen.View {
	tasks, v := a.current()
	state, connected, sent := a.sending()
	out := screen.View{
		Now: now, PropletID: v.PropletID, Broker: a.c.Broker, Connected: connected,
		Sent: sent, Waiting: state.Messages, Lost: state.Lost, Host: v.Host,
	}
	a.mu.Lock()
	out.Fault = a.fault
	a.mu.Unlock()
	for _, t := range tasks {
		shown := screen.Task{ID: t.id}
		t.mu.Lock()
		shown.Latest = t.latest
		if over, ok := t.ring.Aggregates(); ok {
			shown.Over = &over
		}
		for _, s := range t.ring.Latest(nil, barSamples) {
			if !s.Missing.Has(ring.CPU) {
				shown.CPU = append(shown.CPU, s.CPUPercent)
			}
		}
		t.mu.Unlock()
		out.Tasks = append(out.Tasks, shown)
	}
	return out
}

// The terminal's orders: the other screen and back, and a line's and a screen's
// rest away.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	endOfLine   = "\x1b[K"
	endOfScreen = "\x1b[J"
)

// show draws the screen every second until ctx ends. A terminal that is gone is
// drawn to no more.
func (a *Agent) show(ctx context.Context) {
	draw := func(text string) bool {
		_, err := fmt.Fprint(a.c.Screen.Out, text)
		return err == nil
	}
	defer draw(leaveScreen)
	if !draw(enterScreen) {
		return
	}
	for pace := newPace(time.Now(), 0, time.Second); pace.wait(ctx); {
		width, height := a.c.Screen.Size()
		text := screen.Render(a.screenView(time.Now()), width, height)
		if !draw(home + strings.ReplaceAll(text, "\n", endOfLine+"\r\n") + endOfLine + endOfScreen) {
			return
		}
	}
}
