package intake

import (
	"fmt"
	"net/http"
	"strings"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/influx"
	"weir/pkg/schema/pushtopic"
)

// precisions are the names of the units of times, by ours.
var precisions = map[string]string{
	"": "", "n": "", "ns": "", "u": "us", "us": "us", "µ": "us", "ms": "ms", "s": "s", "m": "m", "h": "h",
}

// influxWrite takes InfluxDB's line protocol as its versions 1 and 2 do:
//
//	204
//	400 {"error":"…"}, {"code":"invalid","message":"…"}
//
// A body of which only some lines can be read is stored, those lines count, and
// the answer is 400, as InfluxDB's of a partial write.
func influxWrite(in *Intake, r *request) (answer, error) {
	if err := in.authenticate(r); err != nil {
		return answer{}, err
	}
	tenants, err := in.tenant(r, DefaultTenant)
	if err != nil {
		return answer{}, err
	}
	precision, known := precisions[r.query.Get("precision")]
	if !known {
		return influxFault(r, http.StatusBadRequest, fmt.Sprintf("invalid precision %q: expected ns, us, ms, s, m or h", shown(r.query.Get("precision")))), nil
	}
	b, err := in.read(r, in.cfg.MaxBody)
	if err != nil {
		return answer{}, err
	}
	topic := pushtopic.Topic{Kind: pushtopic.Influx, Tenants: tenants, Precision: precision}
	e := schema.Event{Topic: topic.String(), Payload: b.data, Refused: b.refused}
	a := in.influxAnswer(r, &b, precision)
	return a, in.store(r, e, len(a.body))
}

func (in *Intake) influxAnswer(r *request, b *body, precision string) answer {
	if b.refused != nil {
		return influxFault(r, b.code, b.refused.Detail)
	}
	unit, _ := influx.ParsePrecision(precision)
	result, rejection := influx.New().Decode(b.data, influx.Options{Precision: unit})
	switch {
	case rejection != nil:
		return influxFault(r, http.StatusBadRequest, "unable to parse: "+rejection.Detail)
	case result.Dropped > 0:
		return influxFault(r, http.StatusBadRequest, fmt.Sprintf("partial write: %s dropped=%d", result.Detail, result.Dropped))
	}
	return answer{code: http.StatusNoContent}
}

// influxFault is an error in the form of the API's version.
func influxFault(r *request, code int, text string) answer {
	if strings.HasPrefix(r.URL.Path, "/api/v2/") {
		return answer{code: code, body: inJSON(map[string]string{"code": "invalid", "message": text})}
	}
	return answer{code: code, header: http.Header{"X-Influxdb-Error": {headerText(text)}}, body: inJSON(map[string]string{"error": text})}
}

// headerText is a text as it may stand in a header.
func headerText(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return ' '
		}
		return c
	}, s)
}
