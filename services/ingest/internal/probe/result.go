package probe

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"weir/pkg/schema/pulltopic"
)

// result gathers a probe's values under the blackbox exporter's names.
type result struct{ pulltopic.ProbeResult }

func (r *result) set(name string, value float64) {
	r.Metrics = append(r.Metrics, pulltopic.ProbeMetric{Name: name, Value: value})
}

func (r *result) labelled(name, label, text string, value float64) {
	r.Metrics = append(r.Metrics, pulltopic.ProbeMetric{Name: name, Labels: map[string]string{label: text}, Value: value})
}

// sort makes equal results equal texts.
func (r *result) sort() {
	slices.SortStableFunc(r.Metrics, func(a, b pulltopic.ProbeMetric) int { return cmp.Compare(a.Name, b.Name) })
}

func bit(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// dialled notes how the name was looked up, and which kind of address it has.
func (r *result) dialled(d dialled) {
	r.set("probe_dns_lookup_time_seconds", d.lookup.Seconds())
	if d.ip.IsValid() {
		r.set("probe_ip_protocol", map[bool]float64{true: 4, false: 6}[d.ip.Is4()])
	}
}

// tls notes when the certificates expire, and TLS' version.
func (r *result) tls(state *tls.ConnectionState) {
	r.certificates(state.PeerCertificates)
	if expiry, ok := lastChain(state.VerifiedChains); ok {
		r.set("probe_ssl_last_chain_expiry_timestamp_seconds", seconds(expiry))
	}
	r.labelled("probe_tls_version_info", "version", tls.VersionName(state.Version), 1)
}

func (r *result) certificates(all []*x509.Certificate) {
	if len(all) == 0 {
		return
	}
	earliest := all[0].NotAfter
	for _, c := range all {
		if c.NotAfter.Before(earliest) {
			earliest = c.NotAfter
		}
	}
	r.set("probe_ssl_earliest_cert_expiry", seconds(earliest))
}

// refused notes the certificates of a server that was not trusted: one that has
// expired must be seen to have.
func (r *result) refused(err error) {
	var e *tls.CertificateVerificationError
	if errors.As(err, &e) {
		r.certificates(e.UnverifiedCertificates)
	}
}

// lastChain returns when the chain that lasts longest ends.
func lastChain(chains [][]*x509.Certificate) (last time.Time, ok bool) {
	for _, chain := range chains {
		ends := time.Time{}
		for _, c := range chain {
			if ends.IsZero() || c.NotAfter.Before(ends) {
				ends = c.NotAfter
			}
		}
		if ends.After(last) {
			last, ok = ends, true
		}
	}
	return last, ok
}

func seconds(t time.Time) float64 { return float64(t.Unix()) }

// short bounds an error's text.
func short(text string) string {
	const most = 500
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
