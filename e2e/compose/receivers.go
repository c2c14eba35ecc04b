package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"weir/devices/sinks"
)

// receivers are those whom alerts are sent to.
type receivers struct {
	http  map[string]*sinks.Recorder // by the vendor's name
	ports map[string]int
	mail  *sinks.MailServer
	stop  []func()
}

// newReceivers listens on all addresses: the containers come from outside.
func newReceivers() (*receivers, error) {
	r := &receivers{ports: map[string]int{}, http: map[string]*sinks.Recorder{
		"slack": sinks.NewSlack(), "pagerduty": sinks.NewPagerDuty(), "opsgenie": sinks.NewOpsGenie(), "webhook": sinks.NewWebhook(),
	}}
	for name, sink := range r.http {
		listener, err := net.Listen("tcp", ":0")
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen for %s: %w", name, err), r.close())
		}
		r.ports[name] = listener.Addr().(*net.TCPAddr).Port
		server := sinks.ServeOn(listener, sink)
		r.stop = append(r.stop, func() { _ = server.Close() })
	}
	var err error
	if r.mail, err = sinks.NewMailServer(sinks.MailOptions{}); err != nil {
		return nil, errors.Join(err, r.close())
	}
	r.stop = append(r.stop, func() { _ = r.mail.Close() })
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for mails: %w", err), r.close())
	}
	r.ports["mail"] = listener.Addr().(*net.TCPAddr).Port
	go forward(listener, r.mail.Addr)
	r.stop = append(r.stop, func() { _ = listener.Close() })
	return r, nil
}

func (r *receivers) close() error {
	for _, stop := range r.stop {
		stop()
	}
	return nil
}

// forward passes connections on: the mail server listens on loopback only.
func forward(listener net.Listener, to string) {
	for {
		from, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer from.Close()
			behind, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer behind.Close()
			go func() { _, _ = io.Copy(behind, from); _ = behind.(*net.TCPConn).CloseWrite() }()
			_, _ = io.Copy(from, behind)
		}()
	}
}

// config is Alertmanager's configuration that leads to the receivers.
func (r *receivers) config() string {
	return fmt.Sprintf(`global:
  slack_api_url: http://receivers:%d/services/T/B/x
  smtp_smarthost: receivers:%d
  smtp_from: weir@example.org
  smtp_require_tls: false
  opsgenie_api_url: http://receivers:%d
  opsgenie_api_key: key
  pagerduty_url: http://receivers:%d/v2/enqueue
route:
  receiver: nobody
  routes:
    - receiver: everybody
      matchers: [alertname="HotNode"]
      group_by: [alertname, node]
      group_wait: 0s
      group_interval: 1s
receivers:
  - name: nobody
  - name: everybody
    slack_configs: [{channel: '#weir', send_resolved: true}]
    email_configs: [{to: ops@example.org, send_resolved: true}]
    pagerduty_configs: [{routing_key: 0123456789abcdef0123456789abcdef}]
    opsgenie_configs: [{}]
    webhook_configs: [{url: 'http://receivers:%d/hook'}]
`, r.ports["slack"], r.ports["mail"], r.ports["opsgenie"], r.ports["pagerduty"], r.ports["webhook"])
}

// told is how often a receiver was told of a node: that it fires, and that it does
// no more. Repeats of a notice that was told, with the same key, are repeats.
type told struct{ firing, resolved, repeats int }

// webhook reads what the webhook was told, by node.
func (r *receivers) webhook() map[string]told {
	all, keys := map[string]told{}, map[string]bool{}
	for _, request := range r.http["webhook"].Taken() {
		var body struct {
			Alerts []struct {
				Status string
				Labels map[string]string
			}
		}
		if request.JSON(&body) != nil {
			continue
		}
		key := request.Header.Get("Idempotency-Key")
		for _, a := range body.Alerts {
			t := all[a.Labels["node"]]
			switch {
			case key != "" && keys[key]:
				t.repeats++
			case a.Status == "firing":
				t.firing++
			default:
				t.resolved++
			}
			all[a.Labels["node"]] = t
		}
		keys[key] = true
	}
	return all
}

// missing says who was not told of a node's alert, or not of its end.
func (r *receivers) missing(node string) error {
	var faults []error
	for name, n := range map[string]int{
		"slack":     mentions(r.http["slack"], node),
		"opsgenie":  mentions(r.http["opsgenie"], node),
		"pagerduty": mentions(r.http["pagerduty"], node),
		"webhook":   min(r.webhook()[node].firing, 1) + min(r.webhook()[node].resolved, 1),
		"mail":      r.mails(node),
	} {
		// OpsGenie closes by an alias which is a hash: the node stands in the first only.
		if want := map[string]int{"opsgenie": 1, "pagerduty": 1}[name]; n < max(want, 1) || want == 0 && n < 2 {
			faults = append(faults, fmt.Errorf("%s has %d notices of %s", name, n, node))
		}
	}
	return errors.Join(faults...)
}

func mentions(sink *sinks.Recorder, node string) int {
	n := 0
	for _, request := range sink.Taken() {
		if strings.Contains(string(request.Body), node) {
			n++
		}
	}
	return n
}

func (r *receivers) mails(node string) int {
	n := 0
	for _, m := range r.mail.Mails() {
		if strings.Contains(m.Subject+m.Text, node) {
			n++
		}
	}
	return n
}

// mailSink is the mail sink of the profile demo where its own image cannot be had:
// mails at :1025, their number and subjects at :8025.
func mailSink() error {
	server, err := sinks.NewMailServer(sinks.MailOptions{})
	if err != nil {
		return err
	}
	defer server.Close()
	listener, err := net.Listen("tcp", ":1025")
	if err != nil {
		return fmt.Errorf("listen for mails: %w", err)
	}
	go forward(listener, server.Addr)
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		mails := server.Mails()
		_, _ = io.WriteString(w, strconv.Itoa(len(mails))+" mails\n")
		for _, m := range mails {
			_, _ = io.WriteString(w, m.Subject+"\n")
		}
	})
	pages, err := net.Listen("tcp", ":8025")
	if err != nil {
		return fmt.Errorf("listen for who looks at mails: %w", err)
	}
	go func() { _ = http.Serve(pages, nil) }() //nolint:gosec // a test's
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
	return nil
}
