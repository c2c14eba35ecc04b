package store

import (
	"fmt"
	"strings"
	"time"

	"weir/services/aggregator/internal/history"
)

func (d describer) describeBucket(key, value []byte) (record, error) {
	if tenant, ok := historyOf(key); ok {
		h, err := readTenantHistory(tenant, value)
		rec := record{name: fmt.Sprintf("history of tenant %s", h.Tenant)}
		rec.add("number", tenant)
		rec.add("kept from", timestamp(history.BucketStart(h.Horizon)))
		return rec, err
	}
	tenant, number, _ := bucketOf(key)
	b, err := readBucket(number, value)
	rec := record{name: fmt.Sprintf("bucket from %s of tenant %s", timestamp(history.BucketStart(number)), d.tenantName(tenant))}
	rec.add("chunks", b.Chunks)
	rec.add("bytes", b.Bytes)
	return rec, err
}

func (d describer) describeTrack(key, value []byte) (record, error) {
	number, _ := numberOf(key)
	t, err := readTrack(number, value)
	rec := record{name: fmt.Sprintf("track %d of %s", number, d.nameOf(t.Source))}
	rec.add("parent", t.Parent)
	rec.add("labels", labelsText(t.Labels))
	rec.add("dimensions", labelsText(t.Dims))
	var fields []string
	for _, f := range t.Fields {
		fields = append(fields, d.fieldName(f))
	}
	rec.add("fields", strings.Join(fields, " "))
	for _, a := range t.Absent {
		rec.add("absence of "+d.fieldName(a.Field), fmt.Sprintf("since %s, once for %s", timestamp(a.Since), time.Duration(a.Longest)))
	}
	rec.add("first row", timestamp(t.First))
	rec.add("last sealed row", timestamp(t.Sealed))
	rec.add("chunks", t.Chunks)
	rec.add("last reading before its end", timestamp(t.Read))
	rec.add("current", t.Current)
	rec.add("has ended", t.Ends)
	for _, v := range t.Last {
		rec.add("last "+d.fieldName(v.Field), v.Value)
	}
	return rec, err
}

func (d describer) describePage(key, value []byte) (record, error) {
	track, late, page, _ := pageOf(key)
	rec := record{name: fmt.Sprintf("page %d of the %s log of %s", page, mainOrLate(late), d.trackName(track))}
	var log history.Log
	if err := log.LoadPage(value); err != nil {
		return rec, err
	}
	row := page * history.PageRows
	log.View().Rows(func(r *history.Row) bool {
		d.addRow(&rec, row, r)
		row++
		return true
	})
	return rec, nil
}

func (d describer) describeChunk(key, value []byte) (record, error) {
	c, ok := chunkOf(key)
	if !ok {
		return record{}, errKey
	}
	rec := record{name: fmt.Sprintf("%s chunk %d of %s in the bucket from %s", mainOrLate(c.Late), c.Seq, d.trackName(c.Track), timestamp(history.BucketStart(c.Bucket)))}
	opened, err := history.OpenChunk(value)
	if err != nil {
		return rec, err
	}
	row := 0
	return rec, chunkRows(&opened, func(r *history.Row) {
		d.addRow(&rec, row, r)
		row++
	})
}

// addRow adds a row of history in words.
func (d describer) addRow(r *record, number int, row *history.Row) {
	text := timestamp(row.Time) + " end"
	if !row.End {
		text = fmt.Sprintf("%s reading %d, dialect %s, clock %s, %s", timestamp(row.Time), row.Arrival, row.Dialect, clockText(row.Clock), d.fieldsText(row.Fields))
	}
	r.add(fmt.Sprintf("row %d", number), text)
}

func mainOrLate(late bool) string {
	if late {
		return "late"
	}
	return "main"
}

// trackName names a track by its source and labels.
func (d describer) trackName(number uint64) string {
	value, found, err := get(d.db, appendNumber(nil, keyTrack, number))
	if err != nil || !found {
		return fmt.Sprintf("track %d", number)
	}
	t, _ := readTrack(number, value)
	name := fmt.Sprintf("track %d, %s", number, d.nameOf(t.Source))
	if all := append(t.Labels, t.Dims...); len(all) > 0 {
		name += " {" + labelsText(all) + "}"
	}
	return name
}

func (d describer) tenantName(number uint64) string {
	value, found, err := get(d.db, appendHistoryKey(nil, keyBucket, number))
	if err != nil || !found {
		return fmt.Sprintf("number %d", number)
	}
	h, _ := readTenantHistory(number, value)
	return h.Tenant.String()
}
