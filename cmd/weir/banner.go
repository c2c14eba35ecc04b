package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"weir/cmd/weir/internal/app"
	"weir/cmd/weir/internal/config"
)

// banner says where weir listens, where its data lies, and what to try first.
func banner(role config.Role, c config.Config, addrs app.Addrs, took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s serves (process %d, after %s)\n", role, version(), os.Getpid(), took.Round(time.Millisecond))
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "  %-9s %s\n", what, fmt.Sprintf(format, args...))
	}
	if addrs.MQTT != "" {
		line("MQTT", "%s (%s)", addrs.MQTT, access(c))
	}
	if addrs.Internal != "" {
		line("internal", "http://%s (%s)", reachable(addrs.Internal), internalUse(role))
	}
	if addrs.External != "" {
		line("external", "http://%s (only reads)", reachable(addrs.External))
	}
	if addrs.Intake != "" {
		line("intake", "http://%s (takes what is pushed)", reachable(addrs.Intake))
	}
	if role&(config.All|config.Aggregator) != 0 {
		line("data", "%s", absolute(c.DataDir))
	}
	if role == config.All {
		b.WriteString("Try in another terminal:\n")
		fmt.Fprintf(&b, "  %s\n", firstPublish(c, addrs.MQTT))
		fmt.Fprintf(&b, "  curl http://%s/api/monitoring/resources\n", reachable(addrs.Internal))
	}
	return b.String()
}

// firstPublish is a command that sends the reading of a SPORE node.
func firstPublish(c config.Config, addr string) string {
	host, port, err := net.SplitHostPort(reachable(addr))
	if err != nil {
		panic("BUG: bound to " + addr)
	}
	login := ""
	if c.Users != "" {
		login = " -u NAME -P KEY"
	}
	return fmt.Sprintf("mosquitto_pub -h %s -p %s%s -q 1 -t spore/demo/lab/spore-a/resources -m '%s'", host, port, login,
		`{"hostname":"spore-a","cpu":{"usage_percent":20},"memory":{"total_bytes":98304,"free_bytes":49152}}`)
}

func access(c config.Config) string {
	switch {
	case c.Users != "":
		return "for the users in " + c.Users
	case config.IsLoopback(c.MQTTAddr):
		return "no password, this machine only"
	}
	return "open to everybody"
}

func internalUse(role config.Role) string {
	if role&(config.All|config.Query) != 0 {
		return "everything, administration included"
	}
	return "/health and /metrics"
}

// reachable turns an address that listens everywhere into one to connect to.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "", err == nil && ip.Is4() && ip.IsUnspecified():
		return net.JoinHostPort("127.0.0.1", port)
	case err == nil && ip.IsUnspecified():
		return net.JoinHostPort("localhost", port) // [::] takes IPv4 too, where there is no IPv6
	}
	return addr
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
