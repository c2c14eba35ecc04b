package schema

// Where each ingest takes HTTP requests of devices that come over NATS, from the
// HTTP service's listeners: weir/pkg/natshttp.
const (
	IntakeHTTPSubject = "weir.ingest.http"
	IntakeQueue       = "weir-ingest" // of several ingests each request goes to one
)
