package store

import "weir/services/aggregator/internal/fold"

// loadBucket takes a record of table 'b': a tenant's history or one of its
// buckets.
func loadBucket(l *fold.Loader, key, value []byte) error {
	if tenant, ok := historyOf(key); ok {
		h, err := readTenantHistory(tenant, value)
		if err != nil {
			return err
		}
		return l.TenantHistory(h)
	}
	tenant, number, ok := bucketOf(key)
	if !ok {
		return errKey
	}
	b, err := readBucket(number, value)
	if err != nil {
		return err
	}
	return l.Bucket(tenant, b)
}

func loadTrack(l *fold.Loader, key, value []byte) error {
	number, ok := numberOf(key)
	if !ok {
		return errKey
	}
	t, err := readTrack(number, value)
	if err != nil {
		return err
	}
	return l.Track(&t)
}

func loadPage(l *fold.Loader, key, value []byte) error {
	track, late, page, ok := pageOf(key)
	if !ok {
		return errKey
	}
	return l.LogPage(track, late, page, value)
}
