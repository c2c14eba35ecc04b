package actions

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OAuth1 is the keys of an application and of the account that it acts for.
type OAuth1 struct {
	ConsumerKey, ConsumerSecret, Token, TokenSecret string
}

// authorization returns the header Authorization of a request with a form as its
// body, signed by HMAC-SHA1 as RFC 5849 says (3.4 and 3.5.1).
func (o *OAuth1) authorization(method, address string, form url.Values, nonce string, now time.Time) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("read the address: %w", err)
	}
	own := [][2]string{
		{"oauth_consumer_key", o.ConsumerKey},
		{"oauth_nonce", nonce},
		{"oauth_signature_method", "HMAC-SHA1"},
		{"oauth_timestamp", strconv.FormatInt(now.Unix(), 10)},
		{"oauth_token", o.Token},
		{"oauth_version", "1.0"},
	}
	var all []string
	for _, p := range own {
		all = append(all, percent(p[0])+"="+percent(p[1]))
	}
	for _, values := range []url.Values{form, u.Query()} {
		for name, list := range values {
			for _, v := range list {
				all = append(all, percent(name)+"="+percent(v))
			}
		}
	}
	slices.Sort(all)
	u.RawQuery, u.Fragment = "", ""
	base := method + "&" + percent(u.String()) + "&" + percent(strings.Join(all, "&"))
	mac := hmac.New(sha1.New, []byte(percent(o.ConsumerSecret)+"&"+percent(o.TokenSecret)))
	mac.Write([]byte(base))
	own = append(own, [2]string{"oauth_signature", base64.StdEncoding.EncodeToString(mac.Sum(nil))})
	slices.SortFunc(own, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	parts := make([]string, len(own))
	for i, p := range own {
		parts[i] = fmt.Sprintf(`%s="%s"`, percent(p[0]), percent(p[1]))
	}
	return "OAuth " + strings.Join(parts, ", "), nil
}

// percent encodes as RFC 5849 3.6 says: everything but letters, digits and
// "-._~", which no encoder of net/url does.
func percent(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
