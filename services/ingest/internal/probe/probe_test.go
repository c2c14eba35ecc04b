package probe

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"weir/pkg/schema"
	"weir/pkg/schema/pulltopic"
	"weir/services/ingest/internal/pull"
	"weir/services/ingest/internal/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal keeps the results that were submitted.
type journal struct {
	mu      sync.Mutex
	topics  []string
	results []pulltopic.ProbeResult
}

func (j *journal) submit(_ context.Context, e schema.Event, tenant schema.Tenant) error {
	t, err := pulltopic.Parse(e.Topic)
	r, reason, detail := pulltopic.ParseProbe(e.Payload)
	if err != nil || t.Tenant != tenant || reason != schema.ReasonNone {
		return fmt.Errorf("%s: %s: %w", e.Topic, detail, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.topics, j.results = append(j.topics, e.Topic), append(j.results, r)
	return nil
}

func (j *journal) all() (topics []string, results []pulltopic.ProbeResult) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.topics), slices.Clone(j.results)
}

// once makes the check of a probe's configuration once.
func once(t *testing.T, env pull.Env, target, more string) pulltopic.ProbeResult {
	t.Helper()
	j := &journal{}
	env.Submit = j.submit
	newCheck(env.Complete(), &probes(t, target, more)[0]).run(t.Context(), time.Now())
	if len(j.results) != 1 {
		t.Fatalf("%d results", len(j.results))
	}
	return j.results[0]
}

func probes(t *testing.T, target, more string) []sources.Probe {
	t.Helper()
	f, err := sources.Parse([]byte("probes:\n- target: "+target+"\n  name: p\n  service: s\n  subservice: t\n"+more), "", sources.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f.Probes
}

// values returns what does not change from run to run, and the names of the rest.
func values(r pulltopic.ProbeResult) string {
	var lines []string
	for _, m := range r.Metrics {
		text := fmt.Sprintf("%v", m.Value)
		if strings.Contains(m.Name, "seconds") {
			text = "…"
			if m.Value < 0 || m.Value > 60 && !strings.Contains(m.Name, "timestamp") {
				text = fmt.Sprint("BAD ", m.Value)
			}
		}
		lines = append(lines, fmt.Sprint(m.Name, m.Labels["phase"], m.Labels["version"], " ", text))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestAnHTTPProbeHasTheBlackboxExportersValues(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Last-Modified", "Sat, 21 Nov 2026 18:06:13 GMT")
		_, _ = w.Write([]byte("hello"))
	}))
	defer server.Close()
	r := once(t, pull.Env{}, server.URL, "")
	const want = `probe_dns_lookup_time_seconds …
probe_duration_seconds …
probe_failed_due_to_regex 0
probe_http_content_length 5
probe_http_duration_secondsconnect …
probe_http_duration_secondsprocessing …
probe_http_duration_secondsresolve …
probe_http_duration_secondstls …
probe_http_duration_secondstransfer …
probe_http_last_modified_timestamp_seconds …
probe_http_redirects 0
probe_http_ssl 0
probe_http_status_code 200
probe_http_uncompressed_body_length 5
probe_http_version 1.1
probe_ip_protocol 4
probe_success 1`
	if diff := cmp.Diff(want, values(r)); diff != "" || r.Error != "" {
		t.Error(diff, r.Error)
	}
	server.Close()
	const none = `probe_dns_lookup_time_seconds …
probe_duration_seconds …
probe_failed_due_to_regex 0
probe_http_content_length 0
probe_http_duration_secondsconnect …
probe_http_duration_secondsprocessing …
probe_http_duration_secondsresolve …
probe_http_duration_secondstls …
probe_http_duration_secondstransfer …
probe_http_redirects 0
probe_http_ssl 0
probe_http_status_code 0
probe_http_uncompressed_body_length 0
probe_http_version 0
probe_ip_protocol 4
probe_success 0`
	r = once(t, pull.Env{}, server.URL, "")
	if diff := cmp.Diff(none, values(r)); diff != "" || !strings.Contains(r.Error, "connection refused") {
		t.Error(diff, r.Error)
	}
}

func TestWhatAnHTTPProbeExpects(t *testing.T) {
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/missing":
			http.NotFound(w, r)
		case "/moved":
			http.Redirect(w, r, server.URL+"/health", http.StatusFound)
		case "/echo":
			fmt.Fprintf(w, "%s %s %s", r.Method, r.Host, r.Header.Get("X-A"))
		case "/large":
			_, _ = w.Write(make([]byte, maxBody+1))
		default:
			_, _ = w.Write([]byte(`{"status":"healthy","components":{"blockchain":"connected"},"peers":12}`))
		}
	}))
	defer server.Close()
	for _, c := range []struct {
		name, path, more string
		status           float64
		regex            float64
		fault            string
	}{
		{"any success", "/", "", 200, 0, ""},
		{"a failure", "/missing", "", 404, 0, "the status is 404: expected 2xx"},
		{"a failure that is expected", "/missing", "  valid_status_codes: [404, 410]", 404, 0, ""},
		{"a success that is not", "/", "  valid_status_codes: [404, 410]", 200, 0, "the status is 200: expected 404 410"},
		{"a redirect", "/moved", "", 200, 0, ""},
		{"a redirect that is not followed", "/moved", "  follow_redirects: false\n  valid_status_codes: [302]", 302, 0, ""},
		{"fields that are as they must be", "/", "  body_fields: [{path: status, equals: healthy}, {path: components.blockchain}, {path: peers, matches: '^1'}, {path: $.peers, equals: 12}]", 200, 0, ""},
		{"a field that is not", "/", "  body_fields: [{path: status, equals: degraded}]", 200, 0, `the body's field status is "healthy": expected "degraded"`},
		{"fields that are not there, or do not match", "/", "  body_fields: [{path: a.b}, {path: peers, matches: '^2'}]", 200, 0,
			"the body's field a.b: there is no \"a\"\nthe body's field peers is \"12\": expected what matches ^2"},
		{"a text that is there", "/", "  fail_if_body_not_matches_regexp: [healthy, peers]", 200, 0, ""},
		{"a text that is not", "/", "  fail_if_body_not_matches_regexp: [healthy, sick]", 200, 1, "the body does not match sick"},
		{"a text that must not be there", "/", "  fail_if_body_matches_regexp: ['p.ers']", 200, 1, "the body matches p.ers"},
		{"no TLS", "/", "  fail_if_not_ssl: true", 200, 0, "the server does not speak TLS"},
		{"all that is wrong", "/missing", "  fail_if_not_ssl: true\n  fail_if_body_not_matches_regexp: [x]", 404, 1, "the status is 404: expected 2xx\nthe server does not speak TLS\nthe body does not match x"},
		{"what is sent", "/echo", "  method: POST\n  body: abc\n  headers: {Host: example.org, X-A: b}\n  fail_if_body_not_matches_regexp: ['^POST example.org b$']", 200, 0, ""},
		{"a body that is too large to be looked at", "/large", "  fail_if_body_matches_regexp: [x]", 0, 0, "the body is too large: at most 1048576 bytes"},
		{"a body that is large, but not looked at", "/large", "", 200, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := once(t, pull.Env{}, server.URL+c.path, c.more)
			status, _ := r.Metric("probe_http_status_code")
			regex, _ := r.Metric("probe_failed_due_to_regex")
			success, ok := r.Metric("probe_success")
			if r.Error != c.fault || status != c.status || regex != c.regex || !ok || (success == 1) != (c.fault == "") {
				t.Errorf("%q, %v, %v, %v", r.Error, status, regex, success)
			}
		})
	}
}

// serveTLS starts a server whose certificate ends at a time, and returns its
// address and a file with the certificate.
func serveTLS(t *testing.T, ends time.Time) (address, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "probe"}, NotBefore: ends.Add(-24 * time.Hour), NotAfter: ends,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.Config.ErrorLog = log.New(t.Output(), "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return server.Listener.Addr().String(), file
}

func TestCertificatesAreLookedAt(t *testing.T) {
	ends := time.Now().Add(time.Hour).Truncate(time.Second)
	good, ca := serveTLS(t, ends)
	past := time.Now().Add(-time.Hour).Truncate(time.Second)
	expired, oldCA := serveTLS(t, past)
	for _, c := range []struct {
		name, target, more string
		expiry             time.Time
		chain              bool
		fault              string
	}{
		{"HTTPS", "https://" + good, "  tls_config: {ca_file: " + ca + "}\n  fail_if_not_ssl: true", ends, true, ""},
		{"TLS without HTTP", "tls://" + good, "  tls_config: {ca_file: " + ca + "}", ends, true, ""},
		{"HTTPS where none was wanted", "https://" + good, "  tls_config: {ca_file: " + ca + "}\n  fail_if_ssl: true", ends, true, "the server speaks TLS"},
		{"an authority that nobody knows", "https://" + good, "", ends, false, "certificate signed by unknown authority"},
		{"one that is not looked at", "https://" + good, "  tls_config: {insecure_skip_verify: true}", ends, false, ""},
		{"one that has expired, which is seen", "https://" + expired, "  tls_config: {ca_file: " + oldCA + "}", past, false, "certificate has expired"},
		{"one that has expired, without HTTP", "tls://" + expired, "  tls_config: {ca_file: " + oldCA + "}", past, false, "certificate has expired"},
		{"another name", "tls://" + good, "  tls_config: {ca_file: " + ca + ", server_name: example.org}", ends, false, "wanted to match example.org"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := once(t, pull.Env{}, c.target, c.more)
			success, _ := r.Metric("probe_success")
			expiry, _ := r.Metric("probe_ssl_earliest_cert_expiry")
			chain, isChain := r.Metric("probe_ssl_last_chain_expiry_timestamp_seconds")
			if (success == 1) != (c.fault == "") || !strings.Contains(r.Error, c.fault) || expiry != float64(c.expiry.Unix()) || isChain != c.chain || isChain && chain != expiry {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestTCPProbes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	// A host with an address that leads nowhere and one that does.
	env := pull.Env{
		Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			if host != "broker" {
				return nil, errors.New("no such host")
			}
			return []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("127.0.0.1")}, nil
		},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "[2001:db8") {
				return nil, errors.New("no route")
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	const values4 = "probe_dns_lookup_time_seconds …\nprobe_duration_seconds …\nprobe_failed_due_to_regex 0\nprobe_ip_protocol 4\nprobe_success 1"
	if r := once(t, env, "tcp://broker:"+port, ""); r.Error != "" || values(r) != values4 {
		t.Errorf("%q\n%s", r.Error, values(r))
	}
	if r := once(t, env, "tcp://other:"+port, ""); r.Error != "look up other: no such host" || !strings.Contains(values(r), "probe_success 0") {
		t.Errorf("%+v", r)
	}
	if r := once(t, env, "http://other:"+port, ""); r.Error != "look up other: no such host" || !strings.Contains(values(r), "probe_success 0") {
		t.Errorf("%+v", r)
	}
	_ = l.Close()
	if r := once(t, env, "tcp://broker:"+port, ""); !strings.Contains(r.Error, "connection refused") || !strings.Contains(values(r), "probe_success 0") {
		t.Errorf("%+v", r)
	}
}

func TestAProbeGivesUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		env := pull.Env{Submit: j.submit, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}.Complete()
		p := New(env)
		defer p.Stop()
		p.Apply(probes(t, "tcp://10.0.0.1:1", "  timeout: 5s\n  labels: {team: web}\n- {name: q, target: 'http://10.0.0.1', service: s, subservice: t, timeout: 2s}"))
		time.Sleep(time.Minute + 10*time.Second)
		topics, results := j.all()
		for i, r := range results[:2] {
			took, _ := r.Metric("probe_duration_seconds")
			want := 5.0
			if strings.Contains(topics[i], "name=q") {
				want = 2
			}
			if took != want || r.Error != "context deadline exceeded" {
				t.Errorf("%s: %+v", topics[i], r)
			}
		}
		if !slices.Contains(topics, "/probe?interval=1m0s&label.team=web&name=p&service=s&subservice=t&target=tcp%3A%2F%2F10.0.0.1%3A1") {
			t.Errorf("%s", topics)
		}
		p.Apply(nil)
		ended := 0
		_, results = j.all()
		for _, r := range results {
			if r.Ended {
				ended++
			}
		}
		if ended != 2 || len(env.Meter.Targets()) != 0 {
			t.Errorf("%d ended, %+v", ended, env.Meter.Targets())
		}
	})
}
