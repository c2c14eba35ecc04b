package decode

import (
	"weir/pkg/schema"
	"weir/pkg/schema/decode/influx"
	"weir/pkg/schema/pushtopic"
)

// influx reads lines of InfluxDB's protocol. Those that cannot be read are left
// out, unless none can.
func (d *Decoder) influx(t *pushtopic.Topic, payload []byte) *schema.Rejection {
	if d.open.influx == nil {
		d.open.influx = influx.New()
	}
	precision, _ := influx.ParsePrecision(t.Precision)
	result, rejection := d.open.influx.Decode(payload, influx.Options{Precision: precision})
	if rejection != nil {
		return rejection
	}
	d.readings = append(d.readings, result.Readings...)
	return nil
}

// remoteWrite reads a request of Prometheus' remote write.
func (d *Decoder) remoteWrite(t *pushtopic.Topic, payload []byte) *schema.Rejection {
	if d.remote == nil {
		return d.reject(schema.ReasonUnknownShape, "remote writes are not read here")
	}
	readings, rejection := d.remote.Readings(t.Version, payload)
	if rejection != nil {
		return rejection
	}
	d.readings = append(d.readings, readings...)
	return nil
}
