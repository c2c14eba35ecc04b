package intake

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"weir/pkg/httpserver"
	"weir/pkg/schema"
)

// body is a request's body as it is stored.
type body struct {
	data []byte
	// refused says why it is stored but not read; code is then the answer's.
	refused *schema.Refusal
	code    int
}

// read reads a body and decompresses it. What is too large is kept in part, what
// cannot be decompressed as it came. limit is in bytes, before and after. An error
// means that there is no body.
func (in *Intake) read(r *request, limit int) (body, error) {
	encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding")))
	plain := encoding == "" || encoding == "identity"
	if !plain && !supported(encoding) {
		return body{}, &problem{code: http.StatusUnsupportedMediaType, header: http.Header{"Accept-Encoding": {encodings}},
			text: fmt.Sprintf("the content encoding %q is not supported: expected one of %s", shown(encoding), encodings)}
	}
	raw, whole, err := in.arrive(r, limit)
	switch {
	case err != nil:
		return body{}, err
	case !whole:
		return in.tooLarge(raw, "more than %d bytes", limit), nil
	case plain:
		return body{data: raw}, nil
	}
	data, whole, err := r.decompress(encoding, raw, limit)
	switch {
	case isCrowded(err):
		return body{}, &unavailable{err}
	case err != nil:
		return body{data: raw, code: http.StatusBadRequest, refused: &schema.Refusal{
			Reason: schema.ReasonUnknownShape, Detail: fmt.Sprintf("the body cannot be decompressed as %s: %s", encoding, shown(err.Error())),
		}}, nil
	case !whole:
		return in.tooLarge(data, "more than %d bytes", limit), nil
	}
	return body{data: data}, nil
}

// readRaw reads a body that stays compressed.
func (in *Intake) readRaw(r *request) (body, error) {
	raw, whole, err := in.arrive(r, in.cfg.MaxBody)
	switch {
	case err != nil:
		return body{}, err
	case !whole:
		return in.tooLarge(raw, "more than %d bytes", in.cfg.MaxBody), nil
	}
	return body{data: raw}, nil
}

// arrive reads a body as it comes, and waits for the request's turn.
func (in *Intake) arrive(r *request, limit int) (raw []byte, whole bool, err error) {
	r.body = in.bodies.begin(r.Request)
	raw, whole, err = r.body.readAll(r.Context(), r.Body, limit, r.ContentLength)
	r.body.come()
	if err != nil {
		return nil, false, broken(err)
	}
	return raw, whole, in.turn(r)
}

func (in *Intake) tooLarge(beginning []byte, why string, args ...any) body {
	return body{data: beginning[:min(len(beginning), in.cfg.Keep)], code: http.StatusRequestEntityTooLarge, refused: &schema.Refusal{
		Reason: schema.ReasonTooLarge, Detail: fmt.Sprintf(why, args...),
	}}
}

// broken says that a request did not come whole.
func broken(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &problem{code: http.StatusRequestEntityTooLarge, text: fmt.Sprintf("the body is larger than %d bytes", large.Limit)}
	case isCrowded(err):
		return &unavailable{err}
	case errors.Is(err, httpserver.ErrStopping):
		return &unavailable{ErrClosed}
	case errors.Is(err, httpserver.ErrSlow): // no 4xx: who sends it again may be quicker
		return &unavailable{err}
	}
	return &problem{code: http.StatusBadRequest, text: "the body did not come whole"}
}

// encodings are the content encodings that are undone.
const encodings = "gzip, deflate, zstd, snappy"

func supported(encoding string) bool {
	switch encoding {
	case "gzip", "x-gzip", "deflate", "zstd", "snappy":
		return true
	}
	return false
}

// decompress returns what a body was before it was compressed, up to a number of
// bytes, and whether that was all.
func (r *request) decompress(encoding string, raw []byte, limit int) (data []byte, whole bool, err error) {
	in := bytes.NewReader(raw)
	limited := func(from io.Reader) ([]byte, bool, error) { return r.body.readAll(r.patience, from, limit, -1) }
	switch encoding {
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, false, err
		}
		return limited(z)
	case "deflate":
		z, err := zlib.NewReader(in)
		if err != nil {
			return nil, false, err
		}
		return limited(z)
	case "zstd":
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, false, err
		}
		defer z.Close()
		return limited(z)
	}
	return r.unsnappy(raw, limit)
}

// unsnappy undoes snappy, in blocks as remote writers send it, or framed.
func (r *request) unsnappy(raw []byte, limit int) (data []byte, whole bool, err error) {
	if bytes.HasPrefix(raw, []byte("\xff\x06\x00\x00sNaPpY")) {
		return r.body.readAll(r.patience, s2.NewReader(bytes.NewReader(raw)), limit, -1)
	}
	n, err := s2.DecodedLen(raw)
	if err != nil {
		return nil, false, err
	}
	if n > limit {
		return raw, false, nil
	}
	if err := r.body.take(r.patience, n); err != nil {
		return nil, false, err
	}
	data, err = s2.Decode(nil, raw)
	return data, true, err
}

// mediaType returns a request's media type with its parameters; "" for none, or
// one that cannot be read.
func mediaType(r *request) (media string, parameters map[string]string) {
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return "", nil
	}
	return media, parameters
}

// shown cuts what a client sent, or an error made of it, to what we say.
func shown(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
