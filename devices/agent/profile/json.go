package profile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Bounds of what a profile may say.
const (
	MinInterval    = 10 * time.Millisecond // below, measuring is most of what is measured
	MaxInterval    = 24 * time.Hour
	MaxHistorySize = 1_000_000 // samples; one takes 112 bytes

	// firstNanosecond is the smallest interval that is taken for nanoseconds,
	// which Propeller's Go code writes; its document and its Rust code write
	// seconds.
	firstNanosecond = 1_000_000
)

// Choice is what is known of a task when its profile is chosen.
type Choice struct {
	Name   string // of a profile; "" for the automatic choice
	Daemon bool   // decides the automatic choice
	JSON   []byte // a profile, or a task that has one; nil for none
}

// Choose returns the profile of a task: the one that is named, else the
// automatic one, with the fields that the JSON has in the place of its own. If
// the JSON is a task, that has a say in whether it is a daemon, too.
func Choose(c Choice) (Profile, error) {
	given, err := read(c.JSON)
	if err != nil {
		return Profile{}, err
	}
	base := Auto(c.Daemon || given.daemon)
	if c.Name != "" {
		var ok bool
		if base, ok = ByName(c.Name); !ok {
			return Profile{}, fmt.Errorf("there is no monitoring profile %q: expected one of %s", c.Name, strings.Join(Names(), ", "))
		}
	}
	return overlay(base, given.fields)
}

// document is what was read of a JSON document.
type document struct {
	daemon bool
	fields map[string]json.RawMessage // of the profile
}

// taskKeys are the keys under which a task has its profile: that of Propeller's
// code, and that of its document.
var taskKeys = []string{"monitoring_profile", "monitoringProfile"}

// read takes a profile, or a task with a profile under either key.
func read(text []byte) (document, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return document{}, nil
	}
	fields, err := object(text)
	if err != nil {
		return document{}, fmt.Errorf("read the monitoring profile: %w", err)
	}
	if !isTask(fields) {
		return document{fields: fields}, nil
	}
	d := document{}
	if raw, ok := fields["daemon"]; ok {
		if err := json.Unmarshal(raw, &d.daemon); err != nil {
			return d, fmt.Errorf("read the task: daemon is %s: expected true or false", raw)
		}
	}
	for _, key := range taskKeys {
		raw, ok := fields[key]
		if !ok || string(raw) == "null" {
			continue
		}
		if d.fields != nil {
			return d, fmt.Errorf("read the task: it has both %s: expected one of them", strings.Join(taskKeys, " and "))
		}
		if d.fields, err = object(raw); err != nil {
			return d, fmt.Errorf("read the task's %s: %w", key, err)
		}
	}
	return d, nil
}

// isTask reports whether a document is a task rather than a profile.
func isTask(fields map[string]json.RawMessage) bool {
	for _, key := range append([]string{"id", "name", "functionName", "imageURL", "image_url", "daemon", "params", "inputs", "file", "wasmFile"}, taskKeys...) {
		if _, ok := fields[key]; ok {
			return true
		}
	}
	return false
}

func object(text []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	var fields map[string]json.RawMessage
	if err := d.Decode(&fields); err != nil {
		return nil, fmt.Errorf("it is no JSON object: %w", err)
	}
	if fields == nil {
		return nil, errors.New("it is null: expected a JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return fields, nil
}

// overlay puts fields into the place of a profile's own. All that is wrong with
// them is in the error.
func overlay(p Profile, fields map[string]json.RawMessage) (Profile, error) {
	flags := map[string]*bool{
		"enabled": &p.Enabled, "collect_cpu": &p.CollectCPU, "collect_memory": &p.CollectMemory,
		"collect_disk_io": &p.CollectDiskIO, "collect_network_io": &p.CollectNetworkIO,
		"collect_threads": &p.CollectThreads, "collect_file_descriptors": &p.CollectFileDescriptors,
		"export_to_mqtt": &p.ExportToMQTT, "retain_history": &p.RetainHistory,
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		raw := fields[name]
		flag, isFlag := flags[name]
		var err error
		switch {
		case string(raw) == "null":
		case isFlag:
			if json.Unmarshal(raw, flag) != nil {
				err = fmt.Errorf("%s is %s: expected true or false", name, raw)
			}
		case name == "interval":
			p.Interval, err = interval(raw)
		case name == "history_size":
			if json.Unmarshal(raw, &p.HistorySize) != nil {
				err = fmt.Errorf("history_size is %s: expected a number of samples", raw)
			}
		default:
			err = fmt.Errorf("%q is no field of a monitoring profile", name)
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) == 0 {
		faults = append(faults, p.Validate())
	}
	return p, errors.Join(faults...)
}

// interval reads a number of seconds or nanoseconds, or a duration: "5s".
func interval(raw json.RawMessage) (time.Duration, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, fmt.Errorf("interval is %s: expected seconds, nanoseconds or a duration such as \"5s\"", raw)
		}
		return d, nil
	}
	var n float64
	if json.Unmarshal(raw, &n) != nil {
		return 0, fmt.Errorf("interval is %s: expected seconds, nanoseconds or a duration such as \"5s\"", raw)
	}
	if n < firstNanosecond {
		n *= float64(time.Second)
	}
	if math.Abs(n) > float64(math.MaxInt64/2) {
		return 0, fmt.Errorf("interval is %s: expected %s at most", raw, MaxInterval)
	}
	return time.Duration(n), nil
}

// Validate says what a profile has that makes no sense; nil if nothing.
func (p Profile) Validate() error {
	var faults []error
	if p.Interval < MinInterval || p.Interval > MaxInterval {
		faults = append(faults, fmt.Errorf("interval is %s: expected %s to %s", p.Interval, MinInterval, MaxInterval))
	}
	if p.HistorySize < 0 || p.HistorySize > MaxHistorySize {
		faults = append(faults, fmt.Errorf("history_size is %d: expected 0 to %d", p.HistorySize, MaxHistorySize))
	}
	return errors.Join(faults...)
}

// MarshalJSON writes the profile as the document does, its interval in seconds.
func (p Profile) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Enabled                bool    `json:"enabled"`
		Interval               float64 `json:"interval"`
		CollectCPU             bool    `json:"collect_cpu"`
		CollectMemory          bool    `json:"collect_memory"`
		CollectDiskIO          bool    `json:"collect_disk_io"`
		CollectNetworkIO       bool    `json:"collect_network_io"`
		CollectThreads         bool    `json:"collect_threads"`
		CollectFileDescriptors bool    `json:"collect_file_descriptors"`
		ExportToMQTT           bool    `json:"export_to_mqtt"`
		RetainHistory          bool    `json:"retain_history"`
		HistorySize            int     `json:"history_size"`
	}{
		p.Enabled, p.Interval.Seconds(), p.CollectCPU, p.CollectMemory, p.CollectDiskIO, p.CollectNetworkIO,
		p.CollectThreads, p.CollectFileDescriptors, p.ExportToMQTT, p.RetainHistory, p.HistorySize,
	})
}
