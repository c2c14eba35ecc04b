// Package profile says what of a task is measured, how often, and what becomes
// of it: Propeller's monitoring profiles, as its monitoring document tables
// them, and how one is chosen. It is pure.
package profile

import (
	"strings"
	"time"
)

// Profile is a monitoring profile.
type Profile struct {
	Enabled  bool          // without it, nothing is measured
	Interval time.Duration // from one sample to the next

	CollectCPU             bool // what is not collected is 0 in the samples
	CollectMemory          bool
	CollectDiskIO          bool
	CollectNetworkIO       bool
	CollectThreads         bool
	CollectFileDescriptors bool

	ExportToMQTT  bool // publish each sample
	RetainHistory bool // keep samples, and publish aggregates over them
	HistorySize   int  // how many
}

// History returns how many samples are kept, 0 if none are.
func (p Profile) History() int {
	if !p.RetainHistory {
		return 0
	}
	return p.HistorySize
}

// The names of the profiles.
const (
	Standard = "standard"
	Minimal  = "minimal"
	Intense  = "intensive"
	Batch    = "batch"
	API      = "api"
	Daemon   = "daemon"
	Disabled = "disabled"
)

// Named is a profile with its name.
type Named struct {
	Name    string
	Title   string // as the document heads it
	Profile Profile
}

// Table has all profiles in the document's order, and the one that is only in
// Propeller's code.
var Table = []Named{
	{Standard, "Standard", Profile{true, 10 * time.Second, true, true, true, true, true, true, true, true, 100}},
	{Minimal, "Minimal", Profile{true, 60 * time.Second, true, true, false, false, false, false, false, false, 0}},
	{Intense, "Intensive", Profile{true, time.Second, true, true, true, true, true, true, true, true, 1000}},
	{Batch, "Batch Processing", Profile{true, 30 * time.Second, true, true, true, false, false, false, true, true, 200}},
	{API, "Real-time API", Profile{true, 5 * time.Second, true, true, false, true, true, true, true, true, 500}},
	{Daemon, "Long-running Daemon", Profile{true, 120 * time.Second, true, true, true, true, true, true, true, true, 500}},
	{Disabled, "Disabled", Profile{false, 60 * time.Second, false, false, false, false, false, false, false, false, 0}},
}

// aliases are other words for the profiles: those of the document's headings.
var aliases = map[string]string{
	"batch-processing": Batch, "real-time-api": API, "realtime-api": API,
	"long-running-daemon": Daemon, "long-running": Daemon,
}

// ByName finds a profile by its name or its heading, in any case, with blanks,
// '_' or '-' between words. It returns false if there is none.
func ByName(name string) (Profile, bool) {
	name = strings.NewReplacer(" ", "-", "_", "-").Replace(strings.ToLower(strings.TrimSpace(name)))
	if full, ok := aliases[name]; ok {
		name = full
	}
	for _, n := range Table {
		if n.Name == name {
			return n.Profile, true
		}
	}
	return Profile{}, false
}

// Names lists the names of the profiles in the table's order.
func Names() []string {
	var names []string
	for _, n := range Table {
		names = append(names, n.Name)
	}
	return names
}

// Auto is the profile of a task for which none is given: long-running daemon
// for a daemon, else standard.
func Auto(daemon bool) Profile {
	name := Standard
	if daemon {
		name = Daemon
	}
	p, ok := ByName(name)
	if !ok {
		panic("BUG: no profile " + name)
	}
	return p
}
