// Package remotewrite reads what is written remotely in Prometheus' protocol,
// version 1 (prometheus.WriteRequest) and version 2
// (io.prometheus.write.v2.Request), both compressed with snappy's block format.
// The messages are decoded by Prometheus' own code.
//
// Protocols: https://prometheus.io/docs/specs/prw/remote_write_spec/ and
// https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/.
package remotewrite

import "weir/pkg/schema"

// Version is a version of the protocol.
type Version int

// The versions.
const (
	V1 Version = 1
	V2 Version = 2
)

// The limits of a request. Senders split theirs long before: Prometheus sends
// 2000 samples at once, vmagent 10,000, the OpenTelemetry collector 3 MB.
const (
	MaxSize     = 16 << 20  // bytes, uncompressed
	MaxSamples  = 50_000    // of one request, histograms and exemplars counted too
	MaxElements = 1_000_000 // labels, samples and all else that a request lists
	MaxLabels   = 64        // of a series, its name not counted
	MaxName     = 256       // bytes of a name of a metric or a label, or of a source
	MaxValue    = 4096      // bytes of a label's value
	MaxHelp     = 1024      // bytes of a family's help; what is longer is cut off
)

// Kind is the kind of the sources.
const Kind = schema.KindTarget

// NoSource is the source of series that have neither of the labels instance and
// job.
const NoSource = "remote"

// Result is what a request says. It is valid until the decoder's next call.
type Result struct {
	// Readings are the samples of one source with the same labels at one time
	// each, ascending by time. The source is the label instance, else job, else
	// NoSource. All labels but the name, instance and job included, are dimensions:
	// one instance often has several jobs (a kubelet's own metrics, and those of
	// its containers), so that the job is none of the source's own labels.
	//
	// A staleness marker is the value it is. Clock is schema.ClockUnix.
	Readings []schema.Reading
	// Metadata is what the request says of families, in its order: senders of
	// version 1 send it by itself, a request without samples.
	Metadata []Metadata

	Samples int // that are in Readings

	// What was not taken. A request whose every sample is dropped is rejected.
	Histograms int // native histograms
	Exemplars  int
	Dropped    []Drop // samples, by reason, in the order in which they first came
}

// Metadata is what is known of the series of a family: "http_request_seconds",
// whose series may have a suffix, such as "_bucket".
type Metadata struct {
	Name string
	Type schema.SeriesType // "" for what schema does not have
	Help string
	Unit string
}

// Fault says why samples were dropped.
type Fault string

// The faults of a series, and of a sample.
const (
	FaultNoName    Fault = "no_name"     // the label __name__ is missing
	FaultName      Fault = "bad_name"    // a name is empty, too long or not UTF-8
	FaultValue     Fault = "bad_value"   // a label's value is too long or not UTF-8
	FaultLabels    Fault = "many_labels" // there are more than MaxLabels
	FaultTwice     Fault = "label_twice" // a label stands there twice
	FaultReference Fault = "bad_symbol"  // version 2: a symbol is not in the table
	FaultTime      Fault = "bad_time"    // a time is beyond the years 1678 to 2262
	FaultHistogram Fault = "native_histogram"
)

// Drop counts the samples that were dropped for one reason.
type Drop struct {
	Fault   Fault
	Samples int
	Detail  string // of the first of them
}
