package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// encode returns v as JSON with a newline, without escaping what only matters
// in HTML.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("BUG: an answer that is no JSON: %v", err))
	}
	return b.Bytes()
}

func respond(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(encode(v))
}

// refuse answers with a text as JSON, as Alertmanager does.
func refuse(w http.ResponseWriter, code int, err error) { respond(w, code, err.Error()) }

// stamp is a time as Alertmanager writes it: in UTC, with milliseconds.
type stamp time.Time

const stampLayout = "2006-01-02T15:04:05.000Z07:00"

// MarshalJSON writes "2026-11-21T17:00:00.000Z".
func (s stamp) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, time.Time(s).UTC().Format(stampLayout)), nil
}

// UnmarshalJSON reads any time of RFC 3339; "" is the zero time.
func (s *stamp) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("time %s: expected a text as in RFC 3339", data)
	}
	if text == "" {
		*s = stamp{}
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return fmt.Errorf("time %q: expected the form of RFC 3339", text)
	}
	*s = stamp(t)
	return nil
}

// readJSON reads the one JSON value that a request's body must be.
func readJSON(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("read the request's JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("read the request's JSON: something stands after its value")
	}
	return nil
}

// boolParameter returns a parameter that is true unless it is given as false.
func boolParameter(r *http.Request, name string) (bool, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return true, nil
	}
	v, err := strconv.ParseBool(s)
	if err != nil {
		return false, fmt.Errorf("parameter %s: %q is neither true nor false", name, s)
	}
	return v, nil
}

// uintParameter returns a parameter that is a number of things.
func uintParameter(r *http.Request, name string, missing int) (int, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("parameter %s: %q is not a number of 0 or more", name, s)
	}
	return n, nil
}
