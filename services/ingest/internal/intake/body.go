package intake

import (
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
// cannot be decompressed as it came. An error means that there is no body.
func (in *Intake) read(r *request) (body, error) {
	encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding")))
	plain := encoding == "" || encoding == "identity"
	if !plain && !supported(encoding) {
		return body{}, &problem{code: http.StatusUnsupportedMediaType, header: http.Header{"Accept-Encoding": {encodings}},
			text: fmt.Sprintf("the content encoding %q is not supported: expected one of %s", shown(encoding), encodings)}
	}
	raw, whole, err := limited(r.Body, in.cfg.MaxBody)
	switch {
	case err != nil:
		return body{}, broken(err)
	case !whole:
		return in.tooLarge(raw), nil
	case plain:
		return body{data: raw}, nil
	}
	data, whole, err := decompress(encoding, raw, in.cfg.MaxBody)
	switch {
	case err != nil:
		return body{data: raw, code: http.StatusBadRequest, refused: &schema.Refusal{
			Reason: schema.ReasonUnknownShape, Detail: fmt.Sprintf("the body cannot be decompressed as %s: %s", encoding, shown(err.Error())),
		}}, nil
	case !whole:
		return in.tooLarge(data), nil
	}
	return body{data: data}, nil
}

// readRaw reads a body that stays compressed.
func (in *Intake) readRaw(r *request) (body, error) {
	raw, whole, err := limited(r.Body, in.cfg.MaxBody)
	switch {
	case err != nil:
		return body{}, broken(err)
	case !whole:
		return in.tooLarge(raw), nil
	}
	return body{data: raw}, nil
}

func (in *Intake) tooLarge(beginning []byte) body {
	return body{data: beginning[:min(len(beginning), in.cfg.Keep)], code: http.StatusRequestEntityTooLarge, refused: &schema.Refusal{
		Reason: schema.ReasonTooLarge, Detail: fmt.Sprintf("more than %d bytes", in.cfg.MaxBody),
	}}
}

// broken says that a request did not come whole.
func broken(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &problem{code: http.StatusRequestEntityTooLarge, text: fmt.Sprintf("the body is larger than %d bytes", large.Limit)}
	}
	return &problem{code: http.StatusBadRequest, text: "the body did not come whole"}
}

// limited reads up to a number of bytes, and reports whether that was all.
func limited(from io.Reader, limit int) (data []byte, whole bool, err error) {
	data, err = io.ReadAll(io.LimitReader(from, int64(limit)+1))
	if len(data) > limit {
		return data[:limit], false, nil
	}
	return data, true, err
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

func decompress(encoding string, raw []byte, limit int) (data []byte, whole bool, err error) {
	in := strings.NewReader(string(raw))
	switch encoding {
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, false, err
		}
		return limited(z, limit)
	case "deflate":
		z, err := zlib.NewReader(in)
		if err != nil {
			return nil, false, err
		}
		return limited(z, limit)
	case "zstd":
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, false, err
		}
		defer z.Close()
		return limited(z, limit)
	}
	return unsnappy(raw, limit)
}

// unsnappy undoes snappy, in blocks as remote writers send it, or framed.
func unsnappy(raw []byte, limit int) (data []byte, whole bool, err error) {
	if strings.HasPrefix(string(raw[:min(len(raw), 10)]), "\xff\x06\x00\x00sNaPpY") {
		return limited(s2.NewReader(strings.NewReader(string(raw))), limit)
	}
	n, err := s2.DecodedLen(raw)
	if err != nil {
		return nil, false, err
	}
	if n > limit {
		return raw, false, nil
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
