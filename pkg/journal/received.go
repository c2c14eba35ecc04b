package journal

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"weir/pkg/schema"
	"weir/pkg/schema/frame"
)

// The writer's count of a frame's events by tenant also stands in a header,
// "service/subservice=3;…", so that what is pending can be counted without
// reading the frames themselves.
const (
	receivedHeader    = "Weir-Received"
	receivedHeaderMax = 16 << 10 // larger ones are left to the frame
	receivedInFrame   = "*"
)

func formatReceived(counts []schema.TenantCount) string {
	var b strings.Builder
	for _, c := range counts {
		if b.Len() > 0 {
			b.WriteByte(';')
		}
		b.WriteString(c.Tenant.Service)
		b.WriteByte('/')
		b.WriteString(c.Tenant.Subservice)
		b.WriteByte('=')
		b.WriteString(strconv.FormatUint(c.Events, 10))
		if b.Len() > receivedHeaderMax {
			return receivedInFrame
		}
	}
	return b.String()
}

func parseReceived(s string) ([]schema.TenantCount, error) {
	var counts []schema.TenantCount
	if s == "" {
		return nil, nil
	}
	for item := range strings.SplitSeq(s, ";") {
		name, number, ok := strings.Cut(item, "=")
		service, subservice, ok2 := strings.Cut(name, "/")
		n, err := strconv.ParseUint(number, 10, 64)
		if !ok || !ok2 || err != nil {
			return nil, fmt.Errorf("header %s: %q is not service/subservice=number", receivedHeader, item)
		}
		counts = append(counts, schema.TenantCount{Tenant: schema.Tenant{Service: service, Subservice: subservice}, Events: n})
	}
	return counts, nil
}

// ReceivedAfter returns the writers' counts by tenant, ascending, of all frames
// behind a position, and the last position counted.
func (j *Journal) ReceivedAfter(ctx context.Context, after uint64) ([]schema.TenantCount, uint64, error) {
	bounds, err := j.Bounds(ctx)
	if err != nil {
		return nil, 0, err
	}
	if bounds.Last <= after {
		return nil, after, nil
	}
	msgs, err := j.consume(ctx, after, true)
	if err != nil {
		return nil, 0, err
	}
	defer msgs.Stop()
	sums := map[schema.Tenant]uint64{}
	for seq := after; seq < bounds.Last; {
		msg, err := msgs.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, 0, fmt.Errorf("count what is behind position %d: %w", after, err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return nil, 0, fmt.Errorf("count what is behind position %d: %w", after, err)
		}
		seq = meta.Sequence.Stream
		counts, err := j.receivedOf(ctx, seq, msg.Headers().Get(receivedHeader))
		if err != nil {
			return nil, 0, fmt.Errorf("frame %d: %w", seq, err)
		}
		for _, c := range counts {
			sums[c.Tenant] += c.Events
		}
	}
	return sorted(sums), bounds.Last, nil
}

func (j *Journal) receivedOf(ctx context.Context, seq uint64, header string) ([]schema.TenantCount, error) {
	if header != receivedInFrame {
		return parseReceived(header)
	}
	msg, err := j.stream.GetMsg(ctx, seq)
	if err != nil {
		return nil, err
	}
	f, err := frame.Decode(msg.Data)
	if err != nil {
		return nil, err
	}
	return f.Received, nil
}

func sorted(sums map[schema.Tenant]uint64) []schema.TenantCount {
	counts := make([]schema.TenantCount, 0, len(sums))
	for t, n := range sums {
		counts = append(counts, schema.TenantCount{Tenant: t, Events: n})
	}
	slices.SortFunc(counts, func(a, b schema.TenantCount) int { return a.Tenant.Compare(b.Tenant) })
	return counts
}
