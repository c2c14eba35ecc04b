package schema

import "strconv"

// The read port is a NATS micro service of each aggregator. Requests are JSON.
// Answers are JSON, or a stream of messages that hold binary records one after
// the other; each message of a stream but the last carries MoreHeader.
const (
	ReadPortService = "weir-aggregator"
	ReadPortPrefix  = "weir.read." // + partition + "." + endpoint

	ReadSources     = "sources"     // SourcesRequest     -> stream of Source
	ReadSourcesAt   = "sourcesat"   // SourcesRequest, At -> stream of Source
	ReadRows        = "rows"        // RowsRequest        -> stream: RowsHead, then StoredReading
	ReadTenants     = "tenants"     // no request         -> stream: cursor (uvarint), then TenantState
	ReadReset       = "reset"       // no request         -> like ReadTenants: the numbers before the reset
	ReadDeadLetters = "deadletters" // DeadLettersRequest -> stream: total (uvarint), then DeadLetter
	ReadAccounting  = "accounting"  // no request         -> Accounting, JSON
	ReadHealth      = "health"      // no request         -> AggregatorHealth, JSON
	ReadMetadata    = "metadata"    // MetadataRequest    -> stream of Metadata

	ReadSelect      = "select"      // SelectRequest      -> stream of SeriesPart
	ReadLabelNames  = "labelnames"  // LabelNamesRequest  -> stream of Text
	ReadLabelValues = "labelvalues" // LabelValuesRequest -> stream of Text
	ReadCardinality = "cardinality" // CardinalityRequest -> Cardinality, JSON

	// MoreHeader is set to "1" on each message of a streamed answer but the last.
	// A message that has a reply subject is acknowledged there, with an empty
	// message, when it was read: the aggregator sends only so far ahead. Once
	// nobody listens for the answer any more, it stops.
	// It finds out by messages without records, which want to be acknowledged too.
	MoreHeader = "Weir-More"
	// RulesHeader is set to "1" on the requests of who evaluates rules: they wait
	// for none but their like.
	RulesHeader = "Weir-Rules"
	// ReadPortChunk bounds a message of a streamed answer, in bytes; one record
	// that is larger goes alone.
	ReadPortChunk = 256 << 10
)

// ReadPortSubject returns the subject of an endpoint of a partition.
func ReadPortSubject(partition int, endpoint string) string {
	return ReadPortPrefix + strconv.Itoa(partition) + "." + endpoint
}

// SourcesRequest selects sources; what is empty does not restrict. The answer
// is in ascending order of tenant, kind and id.
type SourcesRequest struct {
	Kinds      []Kind            `json:"kinds,omitempty"`
	ID         string            `json:"id,omitempty"`
	Parent     string            `json:"parent,omitempty"`
	Service    string            `json:"service,omitempty"`
	Subservice string            `json:"subservice,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"` // all must be equal

	// At is for ReadSourcesAt: the sources as they were at that moment, unix
	// nanoseconds, each with the last reading in history that is not newer, and
	// with the labels and the parent that it had then, which Labels and Parent
	// select by. Sources without such a reading are left out. What history does
	// not hold is left empty (the client, presence, attributes), and the reading's
	// own time stands for LastSeen and ReadingSeen.
	At int64 `json:"at,omitempty"`
	// TimeoutMS bounds the time that ReadSourcesAt may take, from receipt on; 0
	// for the port's own bound.
	TimeoutMS int64 `json:"timeout_ms,omitempty"`
}

// DeadLettersRequest selects a page of dead letters, newest first, or the one
// with number Seq.
type DeadLettersRequest struct {
	Seq        uint64  `json:"seq,omitempty"`
	Service    *string `json:"service,omitempty"` // nil: any; "" is the empty name
	Subservice *string `json:"subservice,omitempty"`
	Reason     string  `json:"reason,omitempty"`
	Offset     uint64  `json:"offset"`
	Limit      uint64  `json:"limit"`
}

// TenantAccount is what became of a tenant's events.
// Received = Applied + Duplicate + Rejected + Pending, always.
type TenantAccount struct {
	Tenant
	AccountNumbers
}

// AccountNumbers are the counts of an account.
type AccountNumbers struct {
	Received  uint64 `json:"received"`  // stored in the journal
	Applied   uint64 `json:"applied"`   // folded into the numbers
	Duplicate uint64 `json:"duplicate"` // retransmissions of what was stored before
	Rejected  uint64 `json:"rejected"`  // dead letters
	Pending   uint64 `json:"pending"`   // stored and not folded yet
}

// Add adds o to a.
func (a *AccountNumbers) Add(o AccountNumbers) {
	a.Received += o.Received
	a.Applied += o.Applied
	a.Duplicate += o.Duplicate
	a.Rejected += o.Rejected
	a.Pending += o.Pending
}

// Accounting is the answer of the accounting endpoint and API.
type Accounting struct {
	Tenants []TenantAccount `json:"tenants"` // ascending; never null
	Sum     AccountNumbers  `json:"sum"`
}

// AggregatorHealth says how an aggregator does.
type AggregatorHealth struct {
	Cursor        uint64 `json:"cursor"`          // journal position folded
	Checkpoint    uint64 `json:"checkpoint"`      // journal position on disk
	JournalEnd    uint64 `json:"journal_end"`     // last position of the journal
	Behind        uint64 `json:"behind"`          // frames not folded yet
	Sources       uint64 `json:"sources"`         // sources known
	HealthyPeers  uint64 `json:"healthy_sources"` // heard of in the last 5 minutes and not offline
	StoreBytes    uint64 `json:"store_bytes"`     // on disk
	StoreError    string `json:"store_error"`     // "" when the store works
	JournalError  string `json:"journal_error"`   // "" when the journal can be read
	ServiceTimeNS uint64 `json:"service_time_ns"` // mean over all tenants since the last reset

	// Limits names the tenants that are near a limit on their series or sources,
	// a sentence each; none: empty.
	Limits []string `json:"limits,omitempty"`
}

// IngestHealthSubject is where each ingest answers with an IngestHealth.
const (
	IngestService       = "weir-ingest"
	IngestHealthSubject = "weir.ingest.health"
	IngestReplaySubject = "weir.ingest.replay" // a DeadLetter, binary -> ReplayAnswer, JSON
)

// IngestHealth says how an ingest does.
type IngestHealth struct {
	Broker           string `json:"broker"`        // "running" or "stopped"
	JournalError     string `json:"journal_error"` // the last append's error, "" after a success
	ClientsConnected int64  `json:"clients_connected"`
	BytesReceived    int64  `json:"bytes_received"`
	BytesSent        int64  `json:"bytes_sent"`
	QueuedBytes      int64  `json:"queued_bytes"` // waiting for the journal
}

// ReplayAnswer says what became of a dead letter that was put in again.
type ReplayAnswer struct {
	JournalSeq uint64 `json:"journal_seq"`      // where the new event lies
	Accepted   bool   `json:"accepted"`         // false: it was rejected again
	Reason     string `json:"reason,omitempty"` // why, if so
	Detail     string `json:"detail,omitempty"`
}
