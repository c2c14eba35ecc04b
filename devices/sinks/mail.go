package sinks

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"
)

// Mail is a mail that a server took.
type Mail struct {
	At      time.Time
	From    string   // of the envelope
	To      []string // of the envelope
	Header  mail.Header
	Subject string // decoded
	Text    string // the part text/plain, with \n at the ends of lines
	HTML    string // the part text/html, the same
	Parts   []Part // all parts that have no parts, in order
	Raw     []byte
	Fault   error // why it could not be read, nil if it could
}

// Part is a part of a mail, decoded.
type Part struct {
	Path   string // the types of what it is in, and its own: "multipart/mixed > text/plain"
	Header textproto.MIMEHeader
	Body   []byte
}

func readMail(from string, to []string, raw []byte) Mail {
	m := Mail{At: time.Now(), From: from, To: to, Raw: raw}
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		m.Fault = err
		return m
	}
	m.Header = message.Header
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject")); err != nil {
		m.Subject = message.Header.Get("Subject")
	}
	m.Fault = m.read("", textproto.MIMEHeader(message.Header), message.Body)
	return m
}

// read reads a part, and those in it.
func (m *Mail) read(path string, header textproto.MIMEHeader, body io.Reader) error {
	kind, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		kind = "text/plain"
	}
	path = strings.TrimPrefix(path+" > "+kind, " > ")
	if strings.HasPrefix(kind, "multipart/") {
		return m.readParts(path, multipart.NewReader(body, parameters["boundary"]))
	}
	switch strings.ToLower(header.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	decoded, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	m.Parts = append(m.Parts, Part{path, header, decoded})
	switch kind {
	case "text/plain":
		m.Text = lines(decoded)
	case "text/html":
		m.HTML = lines(decoded)
	}
	return nil
}

func (m *Mail) readParts(path string, parts *multipart.Reader) error {
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := m.read(path, part.Header, part); err != nil {
			return err
		}
	}
}
