package sinks

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/emersion/go-smtp"
)

// loginServer is the server's side of LOGIN, which was never standardised.
type loginServer struct {
	check func(user, password string) error
	asked int
	user  string
}

// Next answers a response.
func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil && l.asked > 0 {
		return nil, false, errors.New("a response is missing")
	}
	l.asked++
	switch {
	case response == nil:
		return []byte("Username:"), false, nil
	case l.user == "":
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

// cramServer is the server's side of CRAM-MD5 (RFC 2195).
type cramServer struct {
	user, secret string
	known        *bool
}

const cramChallenge = "<1896.697170952@localhost>"

// Next answers a response.
func (c *cramServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil {
		return []byte(cramChallenge), false, nil
	}
	mac := hmac.New(md5.New, []byte(c.secret))
	mac.Write([]byte(cramChallenge))
	user, digest, _ := strings.Cut(string(response), " ")
	if user != c.user || digest != hex.EncodeToString(mac.Sum(nil)) {
		return nil, true, smtp.ErrAuthFailed
	}
	*c.known = true
	return nil, true, nil
}
