package httpsend

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/render"
	"weir/services/alerter/internal/notify/secret"
)

const (
	maxQuote   = 512       // bytes of an answer that an error quotes
	maxWaiting = time.Hour // longest Retry-After that is believed
)

// OK reports whether the status is 2xx.
func (a *Answer) OK() bool { return a.Code/100 == 2 }

// Refused returns the error of an answer that is no success. Status 408, 429 and
// 5xx are worth another try.
func (a *Answer) Refused() *notice.Error {
	retry := a.Code/100 == 5 || slices.Contains([]int{http.StatusRequestTimeout, http.StatusTooManyRequests}, a.Code)
	return a.Error(retry, strings.TrimSpace(strconv.Itoa(a.Code)+" "+http.StatusText(a.Code)))
}

// Error returns an error that quotes the answer's body.
func (a *Answer) Error(retry bool, what string) *notice.Error {
	e := notice.Permanent("the receiver answered %s%s", what, a.quote())
	e.Code, e.Retry = a.Code, retry
	if retry {
		e.After = RetryAfter(a.Header.Get("Retry-After"), time.Now())
	}
	return e
}

func (a *Answer) quote() string {
	text := strings.TrimSpace(strings.ToValidUTF8(string(a.Body), "�"))
	if text == "" {
		return ""
	}
	text = secret.Hide(text, a.secrets...)
	return ": " + strings.Join(strings.Fields(render.Bytes(text, maxQuote)), " ")
}

// RetryAfter reads the header of that name: seconds or a date. It returns 0 if
// there is none, or none that can be read.
func RetryAfter(header string, now time.Time) time.Duration {
	var after time.Duration
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		after = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		after = at.Sub(now)
	}
	return min(max(after, 0), maxWaiting)
}
