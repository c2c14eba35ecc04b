package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// dialled is how a connection came to be.
type dialled struct {
	ip      netip.Addr // the one that answered, or was tried last
	lookup  time.Duration
	connect time.Duration
}

// dial looks a host up and opens a connection. Its addresses are tried one after
// the other, IPv4 before IPv6: a machine without a way to one of them is no
// failure of the target. What is known is noted at each step.
func (c *check) dial(ctx context.Context, address string, note func(dialled)) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	var d dialled
	began := c.env.Now()
	all, err := c.resolve(ctx, host)
	d.lookup = c.env.Now().Sub(began)
	note(d)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", host, err)
	}
	began = c.env.Now()
	var errs []error
	for _, d.ip = range all {
		note(d)
		conn, err := c.env.Dial(ctx, "tcp", net.JoinHostPort(d.ip.String(), port))
		d.connect = c.env.Now().Sub(began)
		note(d)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (c *check) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	all, err := c.env.Resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("it has no address")
	}
	all = slices.Clone(all)
	for i := range all {
		all[i] = all[i].Unmap()
	}
	slices.SortStableFunc(all, func(a, b netip.Addr) int { return cmp.Compare(a.BitLen(), b.BitLen()) })
	return all, nil
}
