package promapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/prometheus/prometheus/util/annotations"

	"weir/services/query/internal/jsonappend"
)

// result is an answer in Prometheus' envelope.
type result struct {
	data     func(b []byte) []byte // appends the JSON of the data
	warnings annotations.Annotations
	query    string // the expression that the warnings' positions are in
}

// maxNotes is how many warnings and how many infos an answer shows.
const maxNotes = 10

// respond sends
//
//	{"status":"success","data":…,"warnings":[…],"infos":[…]}
func respond(w http.ResponseWriter, res result) error {
	b := append([]byte(nil), `{"status":"success","data":`...)
	b = res.data(b)
	warnings, infos := res.warnings.AsStrings(res.query, maxNotes, maxNotes)
	b = notes(b, "warnings", warnings)
	b = notes(b, "infos", infos)
	send(w, http.StatusOK, append(b, '}'))
	return nil
}

func notes(b []byte, name string, texts []string) []byte {
	if len(texts) == 0 {
		return b
	}
	slices.Sort(texts) // they come out of a map
	return stringList(jsonappend.Key(b, name), texts)
}

func stringList(b []byte, texts []string) []byte {
	b = append(b, '[')
	for i, s := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsonappend.String(b, s)
	}
	return append(b, ']')
}

// respondJSON sends a small document that encoding/json can write.
func respondJSON(w http.ResponseWriter, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return &apiError{typ: errInternal, err: fmt.Errorf("write the answer: %w", err)}
	}
	return respond(w, result{data: func(b []byte) []byte { return append(b, data...) }})
}

// fail sends
//
//	{"status":"error","errorType":…,"error":…}
func (a *API) fail(w http.ResponseWriter, r *http.Request, err *apiError) {
	code := err.status()
	if code >= 500 && a.Failed != nil {
		a.Failed(r, err)
	}
	b := append([]byte(nil), `{"status":"error"`...)
	b = jsonappend.Field(b, "errorType", string(err.typ))
	b = jsonappend.Field(b, "error", err.Error())
	send(w, code, append(b, '}'))
}

func send(w http.ResponseWriter, code int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	w.Write(body) // an error here means that nobody reads any more
}
