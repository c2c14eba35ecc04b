package intake

import (
	"net/http"
	"strings"

	"weir/pkg/schema"
	"weir/pkg/schema/pushtopic"
)

const plainText = "text/plain; charset=utf-8"

// push takes a group of metrics as a Pushgateway does:
//
//	200, empty    PUT and POST
//	202, empty    DELETE
//	400, a text   what cannot be read
func push(in *Intake, r *request) (answer, error) {
	if err := in.authenticate(r); err != nil {
		return answer{}, err
	}
	tenants, err := in.tenant(r, DefaultTenant)
	if err != nil {
		return answer{}, err
	}
	group, err := pushtopic.ParseGroup(r.URL.EscapedPath())
	if err != nil {
		return answer{code: http.StatusBadRequest, contentType: plainText, body: []byte(err.Error() + "\n")}, nil
	}
	topic := pushtopic.Topic{Kind: pushtopic.Push, Tenants: tenants, Group: group, Method: r.Method}
	if r.Method == http.MethodDelete {
		return answer{code: http.StatusAccepted}, in.store(r, schema.Event{Topic: topic.String()}, 0)
	}
	topic.Format = format(r)
	b, err := in.read(r)
	if err != nil {
		return answer{}, err
	}
	e := schema.Event{Topic: topic.String(), Payload: b.data, Refused: b.refused}
	a := answer{code: http.StatusOK}
	switch {
	case b.refused != nil:
		a = answer{code: b.code, contentType: plainText, body: []byte(b.refused.Detail + "\n")}
	default:
		if rejection := in.decode(&e); rejection != nil {
			a = answer{code: http.StatusBadRequest, contentType: plainText,
				body: []byte("pushed metrics are invalid or inconsistent with existing metrics: " + rejection.Detail + "\n")}
		}
	}
	return a, in.store(r, e, len(a.body))
}

// format returns the form of a pushed group by its media type; what is not known
// is read as text, as a Pushgateway does.
func format(r *request) string {
	media, parameters := mediaType(r)
	switch {
	case media == "application/openmetrics-text":
		return pushtopic.FormatOpenMetrics
	case media == "application/vnd.google.protobuf" &&
		parameters["proto"] == "io.prometheus.client.MetricFamily" && strings.EqualFold(parameters["encoding"], "delimited"):
		return pushtopic.FormatProtobuf
	}
	return pushtopic.FormatText
}
