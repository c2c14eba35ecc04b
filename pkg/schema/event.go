package schema

// Route says by which way an event came in.
type Route uint8

// The routes. Their numbers are part of the frame format.
const (
	RouteMQTT   Route = 0 // a PUBLISH of a client
	RouteWill   Route = 1 // a client's will, published by the broker
	RouteHTTP   Route = 2 // the HTTP intake
	RouteReplay Route = 3 // a dead letter put in again by an operator
	RouteRule   Route = 4 // what our own rules computed, or ingest says of itself; no device's transaction
	RoutePull   Route = 5 // fetched by ingest: a scrape, a poll, a probe
)

// String returns the route's name.
func (r Route) String() string {
	switch r {
	case RouteMQTT:
		return "mqtt"
	case RouteWill:
		return "will"
	case RouteHTTP:
		return "http"
	case RouteReplay:
		return "replay"
	case RouteRule:
		return "rule"
	case RoutePull:
		return "pull"
	}
	return "unknown"
}

// Event is one message as received. It is immutable once it is in a frame.
type Event struct {
	Topic    string // MQTT topic, or what package pushtopic or pulltopic makes of an HTTP request
	Client   string // MQTT client id, or the remote host of an HTTP request
	Received int64  // unix time in nanoseconds
	Payload  []byte // the bytes as they came
	PacketID uint16 // MQTT packet id; 0 at QoS 0
	QoS      uint8  // 0, 1 or 2
	Dup      bool   // the sender marked it as a retransmission
	Retain   bool
	Route    Route

	// Correlator follows a transaction through FIWARE's components: the header
	// Fiware-Correlator of the HTTP request that brought the event, or what a notice
	// got instead; mostly "".
	Correlator string

	// Refused is set when ingest refused the event by a limit that the
	// decoders do not know (its size): its reason then overrides theirs.
	Refused *Refusal
}

// MappingsTopic is the topic of an event that says by which mappings topics are
// read from its place in the journal on.
const MappingsTopic = "weir/mappings"

// Counted reports whether the event is in the books, as all are that somebody sent
// or that were fetched or computed: all but what ingest says of itself.
func (e *Event) Counted() bool { return e.Route != RouteRule || e.Topic != MappingsTopic }

// Refusal is ingest's verdict on an event that it did not let pass.
type Refusal struct {
	Reason Reason
	Detail string
}

// Frame is the journal's unit: events gathered while the previous frame was
// being written, and what happened beside them.
type Frame struct {
	Writer string // names one run of one writer; unique
	Number uint64 // 1, 2, 3 … within a writer: a frame stored twice has the same number

	Events      []Event
	Received    []TenantCount // the writer's own count of Events by tenant
	Disconnects []Disconnect
	Operations  []Operations
	Reset       *Reset
}

// TenantCount is a number of events of one tenant.
type TenantCount struct {
	Tenant Tenant
	Events uint64
}

// Disconnect says that a client which had published went away.
type Disconnect struct {
	Client string
	At     int64 // unix nanoseconds
	Clean  bool  // it said DISCONNECT; otherwise the connection broke
}

// Operations carries what serving a tenant's transactions cost since the
// writer's previous frame.
type Operations struct {
	Tenant      Tenant
	Counters    []CounterDelta // in ascending order of Counter
	ServiceTime Summary        // nanoseconds from receipt to the answer handed to the connection
}

// CounterDelta adds Delta to a tenant's counter.
type CounterDelta struct {
	Counter Counter
	Delta   uint64
}

// Reset is a get-and-reset of the tenants' counters: its position in the
// journal says exactly what was before and what comes after it.
type Reset struct {
	ID string // names the request whose answer it is
	At int64  // unix nanoseconds
}

// DuplicateWindow is how many of a client's latest events with QoS 1 or 2 are
// remembered to recognise a retransmission, and so the most that ingest lets
// one client have in flight.
const DuplicateWindow = 1024
