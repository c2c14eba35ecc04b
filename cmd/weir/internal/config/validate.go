package config

import (
	"net"
	"net/netip"
	"strings"
)

// validate checks what no value shows alone. It runs on top of bad values too
// (they left their defaults standing), so that everything is said at once.
func (l *loader) validate(role Role) {
	c := &l.config
	if c.DataDir == "" {
		l.faults.add(l.places["data_dir"], "data_dir must not be empty")
	}
	l.sameAddress(role)
	if c.StaleCeiling < c.StaleFloor {
		l.faults.add(l.places["stale_ceiling"], "stale_ceiling %s is below stale_floor %s", c.StaleCeiling, c.StaleFloor)
	}
	if role&(All|Ingest) != 0 {
		l.openAccess()
	}
	if role&services != 0 && c.NATSURL == "" {
		l.faults.add("", "%s needs a NATS server with JetStream: give --nats-url, or run weir, which has everything in one process", role)
	}
	if c.NATSURL == "" && c.JournalReplicas > 1 {
		l.faults.add(l.places["journal_replicas"], "journal_replicas %d needs a NATS cluster (nats_url): the embedded server is one server", c.JournalReplicas)
	}
	if c.NATSURL == "" && c.NATSCreds != "" {
		l.faults.add(l.places["nats_creds"], "nats_creds is for nats_url, which is not set")
	}
}

// openAccess keeps the rule that nobody opens a way in to others by accident:
// beyond loopback it takes a list of users, or the words "allow anonymous".
func (l *loader) openAccess() {
	c := &l.config
	switch {
	case c.Users != "" && c.AllowAnonymous:
		l.faults.add(l.places["allow_anonymous"], "users and allow_anonymous contradict each other: choose one")
	case c.Users != "" || c.AllowAnonymous:
	default:
		if !IsLoopback(c.MQTTAddr) {
			l.faults.add(l.places["mqtt_addr"], "MQTT on %s would be open to other machines: name who may use it with --users FILE, or let everybody in with --allow-anonymous", c.MQTTAddr)
		}
		if !IsLoopback(c.IntakeAddr) {
			l.faults.add(l.places["intake_addr"], "the intake on %s would be open to other machines: name who may use it with --users FILE, or let everybody in with --allow-anonymous", c.IntakeAddr)
		}
	}
}

// sameAddress finds listeners of one role that ask for the same address; port
// 0 is never the same.
func (l *loader) sameAddress(role Role) {
	listeners := []struct{ key, addr string }{
		{"mqtt_addr", l.config.MQTTAddr}, {"internal_addr", l.config.InternalAddr}, {"external_addr", l.config.ExternalAddr},
		{"intake_addr", l.config.IntakeAddr},
	}
	taken := map[string]string{}
	for _, n := range listeners {
		if s, _ := lookup(n.key, key); s.Roles&role == 0 || strings.HasSuffix(n.addr, ":0") {
			continue
		}
		if other, ok := taken[n.addr]; ok {
			l.faults.add(l.places[n.key], "%s and %s are both %s", other, n.key, n.addr)
		}
		taken[n.addr] = n.key
	}
}

// IsLoopback reports whether an address host:port is reached from this machine
// only. A name other than localhost is taken for one that others reach.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
