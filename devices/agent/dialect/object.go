package dialect

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// object is a JSON object that is being written, field by field in the order in
// which its proplet has them.
type object struct{ b []byte }

func (o *object) key(name string) {
	switch {
	case len(o.b) == 0:
		o.b = append(o.b, '{')
	case o.b[len(o.b)-1] != '{':
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, '"', ':')
}

func (o *object) text(name, v string) {
	o.key(name)
	quoted, err := json.Marshal(v)
	if err != nil {
		panic("BUG: a text that is no JSON: " + err.Error())
	}
	o.b = append(o.b, quoted...)
}

func (o *object) uint(name string, v uint64) {
	o.key(name)
	o.b = strconv.AppendUint(o.b, v, 10)
}

func (o *object) int(name string, v int64) {
	o.key(name)
	o.b = strconv.AppendInt(o.b, v, 10)
}

// float writes a number with four decimals at the most: what is measured here
// has no more to say.
func (o *object) float(name string, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		panic("BUG: " + name + " is no number")
	}
	o.key(name)
	o.b = strconv.AppendFloat(o.b, math.Round(v*1e4)/1e4, 'f', -1, 64)
}

func (o *object) time(name string, t time.Time, layout string) {
	o.key(name)
	o.b = append(o.b, '"')
	o.b = t.UTC().AppendFormat(o.b, layout)
	o.b = append(o.b, '"')
}

func (o *object) raw(name string, json []byte) {
	o.key(name)
	o.b = append(o.b, json...)
}

// end returns the object whole.
func (o *object) end() []byte {
	if len(o.b) == 0 {
		o.b = append(o.b, '{')
	}
	return append(o.b, '}')
}
