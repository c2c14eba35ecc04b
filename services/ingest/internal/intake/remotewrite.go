package intake

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"weir/pkg/remotewrite"
	"weir/pkg/schema"
	"weir/pkg/schema/pushtopic"
)

// The headers of the protocol's version 2 that say what was written.
const (
	writtenSamples    = "X-Prometheus-Remote-Write-Samples-Written"
	writtenHistograms = "X-Prometheus-Remote-Write-Histograms-Written"
	writtenExemplars  = "X-Prometheus-Remote-Write-Exemplars-Written"
)

// protos are the messages of the versions, as the content type names them.
var protos = map[string]remotewrite.Version{
	"": remotewrite.V1, "prometheus.WriteRequest": remotewrite.V1, "io.prometheus.write.v2.Request": remotewrite.V2,
}

// remoteWrite takes what is written remotely in Prometheus' protocol:
//
//	204       all samples are stored
//	400       some or all will never be: the rest is stored
//	413, 415  so will a request that is too large, or in another form
//	5xx       it may work later
//
// Of version 2 the answer says how many samples were written.
func remoteWrite(in *Intake, r *request) (answer, error) {
	if err := in.authenticate(r); err != nil {
		return answer{}, err
	}
	tenants, err := in.tenant(r, in.writeTenant())
	if err != nil {
		return answer{}, err
	}
	version, err := versionOf(r)
	if err != nil {
		return answer{}, err
	}
	b, err := in.readRaw(r)
	if err != nil {
		return answer{}, err
	}
	topic := pushtopic.Topic{Kind: pushtopic.RemoteWrite, Tenants: tenants, Version: int(version)}
	e := schema.Event{Topic: topic.String(), Payload: b.data, Refused: b.refused}
	a := in.writeAnswer(version, &b)
	err = in.store(r, e, len(a.body))
	if err != nil {
		a.header = written(version, 0)
	}
	return a, err
}

// writeTenant returns whose a remote write is that names no tenant.
func (in *Intake) writeTenant() schema.Tenant {
	if in.cfg.WriteTenant != nil {
		if t, configured := in.cfg.WriteTenant(); configured {
			return t
		}
	}
	return DefaultTenant
}

func versionOf(r *request) (remotewrite.Version, error) {
	unsupported := func(format string, args ...any) error {
		return &problem{code: http.StatusUnsupportedMediaType, text: fmt.Sprintf(format, args...)}
	}
	media, parameters := mediaType(r)
	version, known := protos[parameters["proto"]]
	if media != "application/x-protobuf" || !known {
		return 0, unsupported("the content type is %q: expected application/x-protobuf, of prometheus.WriteRequest or io.prometheus.write.v2.Request", shown(r.Header.Get("Content-Type")))
	}
	if encoding := r.Header.Get("Content-Encoding"); !strings.EqualFold(encoding, "snappy") {
		return 0, unsupported("the content encoding is %q: expected snappy", shown(encoding))
	}
	return version, nil
}

// writeAnswer finds out what a request is answered with, once it is stored.
func (in *Intake) writeAnswer(version remotewrite.Version, b *body) answer {
	fault := func(code int, samples int, text string) answer {
		return answer{code: code, contentType: plainText, header: written(version, samples), body: []byte(text + "\n")}
	}
	if b.refused != nil {
		return fault(b.code, 0, b.refused.Detail)
	}
	d := in.remote.Get().(*remotewrite.Decoder)
	defer in.remote.Put(d)
	result, rejection := d.Decode(version, b.data)
	switch {
	case rejection != nil && rejection.Reason == schema.ReasonTooLarge:
		return fault(http.StatusRequestEntityTooLarge, 0, rejection.Detail)
	case rejection != nil:
		return fault(http.StatusBadRequest, 0, rejection.Detail)
	case len(result.Dropped) > 0:
		return fault(http.StatusBadRequest, result.Samples, dropped(result.Dropped))
	}
	return answer{code: http.StatusNoContent, header: written(version, result.Samples)}
}

// dropped says what was not taken, a reason a line.
func dropped(all []remotewrite.Drop) string {
	lines := make([]string, len(all))
	for i, d := range all {
		lines[i] = fmt.Sprintf("%d samples were not taken (%s): %s", d.Samples, d.Fault, shown(d.Detail))
	}
	return strings.Join(lines, "\n")
}

// written returns the headers that say how many samples were written, nil in
// version 1.
func written(version remotewrite.Version, samples int) http.Header {
	if version != remotewrite.V2 {
		return nil
	}
	return http.Header{writtenSamples: {strconv.Itoa(samples)}, writtenHistograms: {"0"}, writtenExemplars: {"0"}}
}
