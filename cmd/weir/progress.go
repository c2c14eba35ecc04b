package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progressEvery is how often a log or a pipe gets a line of progress.
const progressEvery = 5 * time.Second

// progress shows how far the folding of a journal is: a bar on a terminal, else
// a line every few seconds.
type progress struct {
	what string
	out  io.Writer
	bar  *progressbar.ProgressBar // nil where there is no terminal

	began, said         time.Time
	took                time.Duration // once ended
	done, total, events uint64        // frames done, frames there are, events in those done
}

func newProgress(out io.Writer, what string) *progress {
	now := time.Now()
	p := &progress{what: what, out: out, began: now, said: now}
	if isTerminal(out) {
		p.bar = progressbar.NewOptions64(1,
			progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what),
			progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth(),
		)
	}
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// barEvery is how often the bar moves: update comes with each frame.
const barEvery = 100 * time.Millisecond

// update says how many of how many frames are done, and how many events they had.
func (p *progress) update(done, total, events uint64) {
	p.done, p.total, p.events = done, total, events
	now := time.Now()
	switch {
	case p.bar != nil && (now.Sub(p.said) >= barEvery || done == total):
		p.said = now
		p.bar.Describe(p.what + ", " + p.rate(now.Sub(p.began)))
		p.bar.ChangeMax64(int64(total))
		_ = p.bar.Set64(int64(done)) // it fails where the terminal does
	case p.bar == nil && now.Sub(p.said) >= progressEvery:
		p.said = now
		fmt.Fprintln(p.out, p.line(now.Sub(p.began)))
	}
}

// line is the state after some time: "rebuild: 1,200 of 4,800 frames (25 %),
// 57,000 events/s, 9s left".
func (p *progress) line(took time.Duration) string {
	line := fmt.Sprintf("%s: %s of %s frames", p.what, count(p.done), count(p.total))
	if p.total > 0 {
		line += fmt.Sprintf(" (%d %%)", 100*p.done/p.total)
	}
	line += ", " + p.rate(took)
	if p.done > 0 && p.done < p.total {
		left := time.Duration(float64(took) * float64(p.total-p.done) / float64(p.done))
		line += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	return line
}

// summary is what was done, once it is ended: "4,800 frames with 171,000 events in 3s, 57,000 events/s".
func (p *progress) summary() string {
	return fmt.Sprintf("%s frames with %s events in %s, %s", count(p.done), count(p.events), p.took.Round(time.Millisecond), p.rate(p.took))
}

func (p *progress) rate(took time.Duration) string {
	return count(uint64(float64(p.events)/took.Seconds())) + " events/s"
}

// end stops the clock and leaves the terminal's line.
func (p *progress) end() {
	p.took = time.Since(p.began)
	if p.bar != nil {
		_ = p.bar.Exit()
		fmt.Fprintln(p.out)
	}
}

func count(n uint64) string { return humanize.Comma(int64(n)) }
