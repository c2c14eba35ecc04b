package sources

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/pulltopic"
)

// Duration is a length of time as Prometheus writes it: 15s, 1m30s, 500ms.
type Duration = model.Duration

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// timing completes and checks an interval and a timeout. As in Prometheus, a
// timeout that is not given is never longer than the interval.
func timing(interval, timeout *Duration, standard, patience time.Duration) []string {
	if *interval == 0 {
		*interval = Duration(standard)
	}
	if *timeout == 0 {
		*timeout = min(*interval, Duration(patience))
	}
	switch {
	case *interval < Duration(MinInterval):
		return []string{fmt.Sprintf("the interval is %s: expected %s or more", *interval, Duration(MinInterval))}
	case *timeout < 0 || *timeout > *interval:
		return []string{fmt.Sprintf("the timeout is %s: expected at most the interval, %s", *timeout, *interval)}
	}
	return nil
}

// MinInterval is the shortest time between two pulls of one target.
const MinInterval = 100 * time.Millisecond

// httpFaults checks the address of an HTTP server.
func httpFaults(key, address string, query bool) []string {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return []string{key + " is missing"}
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "":
		return []string{fmt.Sprintf("%s is %q: expected such as http://10.0.0.5:8080", key, hidePassword(address))}
	case u.User != nil:
		return []string{key + " has a user's name: expected the section basic_auth for that"}
	case u.RawQuery != "" && !query:
		return []string{fmt.Sprintf("%s is %q: expected no query", key, address)}
	}
	return nil
}

func hidePassword(address string) string {
	if before, after, found := strings.Cut(address, "@"); found {
		scheme, _, _ := strings.Cut(before, "//")
		return scheme + "//…@" + after
	}
	return address
}

// hostPortFaults checks the address of a TCP server.
func hostPortFaults(key, address string) []string {
	host, port, err := net.SplitHostPort(address)
	n, bad := strconv.ParseUint(port, 10, 16)
	if err != nil || host == "" || bad != nil || n == 0 {
		return []string{fmt.Sprintf("%s is %q: expected host:port", key, address)}
	}
	return nil
}

// MaxName is the longest name of a source, in bytes: that of the decoders.
const MaxName = decode.MaxID

// nameFaults checks the name of a source.
func nameFaults(key, name string) []string {
	switch {
	case name == "":
		return []string{key + " is missing"}
	case len(name) > MaxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return []string{fmt.Sprintf("%s is %q: expected 1 to %d bytes without control characters", key, name, MaxName)}
	}
	return nil
}

// labelFaults checks labels that are added to series.
func labelFaults(labels map[string]string) []string {
	var faults []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		switch {
		case !model.LegacyValidation.IsValidLabelName(name) || strings.HasPrefix(name, "__"):
			faults = append(faults, fmt.Sprintf("labels: %q is not a label's name", name))
		case name == "service" || name == "subservice":
			faults = append(faults, fmt.Sprintf("labels: %s is the tenant's: expected the key %s for it", name, name))
		case len(labels[name]) > pulltopic.MaxValue || !model.LabelValue(labels[name]).IsValid():
			faults = append(faults, fmt.Sprintf("labels: the value of %s is longer than %d bytes or not UTF-8", name, pulltopic.MaxValue))
		}
	}
	return faults
}

// Labels returns labels as topics have them: ascending by name, none empty.
func Labels(labels map[string]string) []schema.Label {
	var all []schema.Label
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if labels[name] != "" {
			all = append(all, schema.Label{Name: name, Value: labels[name]})
		}
	}
	return all
}
