package conformance

import (
	"fmt"
	"strconv"
	"strings"
)

// CSV returns the readings as text, with a first line that names the columns:
// a reading a line, its time in unix milliseconds.
func CSV() []byte {
	b := []byte("time_ms,service,subservice,node,zone,version")
	for _, f := range Fields {
		b = fmt.Appendf(b, ",%s", info(f).Path)
	}
	for _, r := range Readings() {
		b = fmt.Appendf(b, "\n%d,%s", Base.Add(r.At).UnixMilli(), strings.Join([]string{
			r.Tenant.Service, r.Tenant.Subservice, r.Node, r.Zone, r.Version}, ","))
		for _, v := range r.Values {
			b = strconv.AppendFloat(append(b, ','), v, 'f', -1, 64)
		}
	}
	return append(b, '\n')
}
