package store

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

// filled returns the file system of a closed store that has records of all tables.
func filled(t *testing.T) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewMem()
	s := open1(t, fs)
	state := load1(t, s)
	for i, f := range foldtest.Frames(foldtest.Rand(2), openGenerator(foldtest.Rand(2)).Items(3000), 20) {
		state.Apply(uint64(i+1), f)
	}
	commit1(t, s, state)
	if err := errors.Join(s.db.Flush(), s.Close()); err != nil {
		t.Fatal(err)
	}
	return fs
}

// firstOf returns the first key of a table and its value.
func firstOf(t *testing.T, db *pebble.DB, table byte) (key, value []byte) {
	t.Helper()
	iter, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{table}, UpperBound: []byte{table + 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer iter.Close()
	if !iter.First() {
		t.Fatalf("table %q is empty", table)
	}
	return append([]byte{}, iter.Key()...), append([]byte{}, iter.Value()...)
}

// damageKeys returns a damage that changes the store by way of Pebble.
func damageKeys(change func(t *testing.T, db *pebble.DB)) func(*testing.T, *vfs.MemFS) {
	return func(t *testing.T, fs *vfs.MemFS) {
		s := open1(t, fs)
		change(t, s.db)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func set(key string, value []byte) func(*testing.T, *vfs.MemFS) {
	return damageKeys(func(t *testing.T, db *pebble.DB) {
		if err := db.Set([]byte(key), value, pebble.Sync); err != nil {
			t.Fatal(err)
		}
	})
}

func remove(table byte) func(*testing.T, *vfs.MemFS) {
	return damageKeys(func(t *testing.T, db *pebble.DB) {
		key, _ := firstOf(t, db, table)
		if err := db.Delete(key, pebble.Sync); err != nil {
			t.Fatal(err)
		}
	})
}

// removeFirst removes the first key of a table that has a length.
func removeFirst(prefix []byte, length int) func(*testing.T, *vfs.MemFS) {
	return damageKeys(func(t *testing.T, db *pebble.DB) {
		iter, err := db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: []byte{prefix[0] + 1}})
		if err != nil {
			t.Fatal(err)
		}
		defer iter.Close()
		for ok := iter.First(); ok; ok = iter.Next() {
			if len(iter.Key()) == length {
				mustDelete(t, db, bytes.Clone(iter.Key()))
				return
			}
		}
		t.Fatalf("no key of %d bytes begins with %q", length, prefix)
	})
}

func truncate(table byte) func(*testing.T, *vfs.MemFS) {
	return damageKeys(func(t *testing.T, db *pebble.DB) {
		key, value := firstOf(t, db, table)
		if err := db.Set(key, value[:len(value)-1], pebble.Sync); err != nil {
			t.Fatal(err)
		}
	})
}

// overwrite returns a damage that overwrites places in files with a suffix.
func overwrite(suffix string) func(*testing.T, *vfs.MemFS) {
	return eachFile(suffix, func(t *testing.T, fs *vfs.MemFS, path string) {
		f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		for i := range int64(9) {
			if _, err := f.WriteAt([]byte("damaged by a failing disk"), info.Size()*(i+1)/10); err != nil {
				t.Fatal(err)
			}
		}
		f.Close()
	})
}

func removeFile(suffix string) func(*testing.T, *vfs.MemFS) {
	return eachFile(suffix, func(t *testing.T, fs *vfs.MemFS, path string) {
		if err := fs.Remove(path); err != nil {
			t.Fatal(err)
		}
	})
}

func eachFile(part string, damage func(*testing.T, *vfs.MemFS, string)) func(*testing.T, *vfs.MemFS) {
	return func(t *testing.T, fs *vfs.MemFS) {
		names, err := fs.List("store")
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, name := range names {
			if strings.Contains(name, part) {
				found = true
				damage(t, fs, fs.PathJoin("store", name))
			}
		}
		if !found {
			t.Fatalf("no file is named like %q: %v", part, names)
		}
	}
}

func TestOpeningADamagedDirectory(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(*testing.T, *vfs.MemFS)
		want   error
		says   string
	}{
		{"the format version is another", set("f", wire.AppendUint(nil, 99)), ErrVersion, "version 99"},
		{"the format version is missing", remove(keyFormat), ErrDamaged, "format version: it is missing"},
		{"the format version is no number", set("f", nil), ErrDamaged, "format version"},
		{"the head record is missing", remove(keyMeta), ErrDamaged, "head record: it is missing"},
		{"the head record is truncated", truncate(keyMeta), ErrDamaged, "head record"},
		{"the head record is nonsense", set("m", appendMeta(nil, fold.Meta{Origin: 7})), ErrDamaged, "head record"},
		{"a tenant is missing", remove(keyTenant), ErrDamaged, "not there"},
		{"a tenant is truncated", truncate(keyTenant), ErrDamaged, "tenant"},
		{"a tenant stands under another's key", damageKeys(func(t *testing.T, db *pebble.DB) {
			_, value := firstOf(t, db, keyTenant)
			if err := db.Set(appendTenantKey(nil, keyTenant, schema.Tenant{Service: "zz"}), value, nil); err != nil {
				t.Fatal(err)
			}
		}), ErrDamaged, "tenant"},
		{"a source is missing", remove(keySource), ErrDamaged, "which is not there"},
		{"a source is truncated", truncate(keySource), ErrDamaged, "source"},
		{"a source is there twice", damageKeys(func(t *testing.T, db *pebble.DB) {
			_, value := firstOf(t, db, keySource)
			if err := db.Set(appendNumber(nil, keySource, 2), value, nil); err != nil {
				t.Fatal(err)
			}
		}), ErrDamaged, "once more"},
		{"a bucket is missing", removeFirst([]byte{keyBucket}, 9), ErrDamaged, "bytes of history are there"},
		{"a bucket is truncated", truncate(keyBucket), ErrDamaged, "bucket of history"},
		{"a bucket is of no tenant", set(string(appendBucketKey(nil, keyBucket, 77, 1<<31)), []byte{1, 1}), ErrDamaged, "number 77, which is not there"},
		{"a tenant's history is missing", removeFirst([]byte{keyBucket}, 5), ErrDamaged, "not there"},
		{"a track is missing", remove(keyTrack), ErrDamaged, "which is not there"},
		{"a track is truncated", truncate(keyTrack), ErrDamaged, "track"},
		{"a track is of no source", damageKeys(func(t *testing.T, db *pebble.DB) {
			key, value := firstOf(t, db, keyTrack)
			track, err := readTrack(1, value)
			if err != nil {
				t.Fatal(err)
			}
			track.Source = 9999
			mustSet(t, db, key, appendTrack(nil, &track))
		}), ErrDamaged, "source 9999, which is not there"},
		{"a track has a field that no weir knows", damageKeys(func(t *testing.T, db *pebble.DB) {
			key, value := firstOf(t, db, keyTrack)
			track, err := readTrack(1, value)
			if err != nil {
				t.Fatal(err)
			}
			track.Fields[0] = 1
			mustSet(t, db, key, appendTrack(nil, &track))
		}), ErrDamaged, "unknown"},
		{"a track lacks a field that it never had", changeTrack(func(tr *fold.Track) {
			tr.Absent = []fold.Absence{{Field: schema.TaskAggregatedAvgCPU + 1}, {Field: schema.SporeCPUUsagePercent, Since: 7}}
		}), ErrDamaged, "lacks fields that it cannot lack"},
		{"a track has a field that was not named", changeTrack(func(tr *fold.Track) {
			tr.Fields = append(tr.Fields, schema.FirstNamed+schema.Field(schema.MaxNames)-1)
		}), ErrDamaged, "unknown"},
		{"a source has two current tracks of the same dimensions", damageKeys(func(t *testing.T, db *pebble.DB) {
			key, value := firstOf(t, db, keyTrack)
			number, _ := numberOf(key)
			track, err := readTrack(number, value)
			if err != nil {
				t.Fatal(err)
			}
			track.Current = true
			mustSet(t, db, key, appendTrack(nil, &track))
			mustSet(t, db, appendNumber(nil, keyTrack, number+1), appendTrack(nil, &track))
		}), ErrDamaged, "is the current one of source"},
		{"the first name is missing", remove(keyName), ErrDamaged, "the next one is 1000"},
		{"the last name is missing", damageKeys(func(t *testing.T, db *pebble.DB) {
			iter, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{keyName}, UpperBound: []byte{keyName + 1}})
			if err != nil {
				t.Fatal(err)
			}
			defer iter.Close()
			iter.Last()
			mustDelete(t, db, bytes.Clone(iter.Key()))
		}), ErrDamaged, "not ascending, or unknown"},
		{"a name is truncated", truncate(keyName), ErrDamaged, "name"},
		{"a name stands under another's key", damageKeys(func(t *testing.T, db *pebble.DB) {
			_, value := firstOf(t, db, keyName)
			mustSet(t, db, appendNameKey(nil, schema.FirstNamed+1), value)
		}), ErrDamaged, "not of its table's form"},
		{"the mappings are missing", remove(keyMappings), ErrDamaged, "sets of mappings"},
		{"the mappings are of no set", set(string(keyMappings), appendMappings(nil, &fold.Mappings{Number: 1, Set: []byte("{}")})), ErrDamaged, "read a set of mappings"},
		{"the mappings are broken off", truncate(keyMappings), ErrDamaged, "mappings"},
		{"a name is there twice", damageKeys(func(t *testing.T, db *pebble.DB) {
			_, value := firstOf(t, db, keyName)
			m := readName(t, value)
			m.Field++
			mustSet(t, db, appendNameKey(nil, m.Field), m.AppendBinary(nil))
		}), ErrDamaged, "is that of field 1000"},
		{"a name is that of a fixed field", damageKeys(func(t *testing.T, db *pebble.DB) {
			key, value := firstOf(t, db, keyName)
			m := readName(t, value)
			m.Name = schema.Fields[0].Name
			mustSet(t, db, key, m.AppendBinary(nil))
		}), ErrDamaged, "is that of field 100"},
		{"there is a name too many", set(string(appendNameKey(nil, schema.FirstNamed+schema.Field(schema.MaxNames)-1)), (&schema.Metadata{Field: schema.FirstNamed + schema.Field(schema.MaxNames) - 1, Name: "x"}).AppendBinary(nil)), ErrDamaged, "the next one is"},
		{"the first page of a log is missing", remove(keyLog), ErrDamaged, "log"},
		{"the last page of a log is missing", damageKeys(func(t *testing.T, db *pebble.DB) {
			iter, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{keyLog}, UpperBound: []byte{keyLog + 1}})
			if err != nil {
				t.Fatal(err)
			}
			defer iter.Close()
			iter.Last()
			mustDelete(t, db, bytes.Clone(iter.Key()))
		}), ErrDamaged, "rows of logs are there"},
		{"a page of a log is truncated", truncate(keyLog), ErrDamaged, "page of a log"},
		{"a page of a log is of no track", set(string(appendPageKey(nil, 9999, false, 0)), []byte{1}), ErrDamaged, "track 9999, which is not there"},
		{"a duplicate window is missing", remove(keyClient), ErrDamaged, "window"},
		{"a duplicate window is truncated", truncate(keyClient), ErrDamaged, "window"},
		{"a segment of a window is missing", remove(keySegment), ErrDamaged, "segment"},
		{"a segment of a window is truncated", truncate(keySegment), ErrDamaged, "multiple of 8"},
		{"a writer is missing", remove(keyWriter), ErrDamaged, "writers are there"},
		{"a writer is truncated", truncate(keyWriter), ErrDamaged, "writer"},
		{"the first dead letter is missing", remove(keyDeadLetter), ErrDamaged, "dead letters"},
		{"there is a dead letter too many", set(string(appendNumber(nil, keyDeadLetter, 1<<40)), nil), ErrDamaged, "dead letters"},
		{"there is a key of no table", set("garbage", []byte("x")), ErrDamaged, `key "garbage"`},
		{"there is a key behind all tables", set("\xff\xff", nil), ErrDamaged, "no such table"},
		{"there is a key that is longer than its table's", set("mm", nil), ErrDamaged, "head record"},
		{"a table file is overwritten", overwrite(".sst"), ErrDamaged, ""},
		{"a table file is missing", removeFile(".sst"), ErrDamaged, ""},
		{"the manifest is overwritten", overwrite("MANIFEST"), ErrDamaged, ""},
		{"the manifest is missing", removeFile("MANIFEST"), ErrDamaged, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			fs := filled(t)
			test.damage(t, fs)
			err := loadError(fs)
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v\nwant %v that says %q", err, test.want, test.says)
			}
		})
	}
}

func changeTrack(change func(*fold.Track)) func(*testing.T, *vfs.MemFS) {
	return damageKeys(func(t *testing.T, db *pebble.DB) {
		key, value := firstOf(t, db, keyTrack)
		track, err := readTrack(1, value)
		if err != nil {
			t.Fatal(err)
		}
		change(&track)
		mustSet(t, db, key, appendTrack(nil, &track))
	})
}

func readName(t *testing.T, value []byte) (m schema.Metadata) {
	t.Helper()
	r := wire.NewReader(value)
	if m.ReadBinary(r); r.Done() != nil {
		t.Fatal(r.Done())
	}
	return m
}

func loadError(fs vfs.FS) error {
	s, err := Open(Config{Dir: "store", FS: fs})
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Load(settings())
	return err
}

func TestAnUndamagedDirectoryOpens(t *testing.T) {
	if err := loadError(filled(t)); err != nil {
		t.Error(err)
	}
}

func TestSettingsAreTheStores(t *testing.T) {
	s := open1(t, filled(t))
	defer s.Close()
	if _, err := s.Load(fold.DefaultSettings()); !errors.Is(err, ErrSettings) {
		t.Errorf("got %v", err)
	}
}

func TestADirectoryIsOpenOnce(t *testing.T) {
	for name, fs := range map[string]vfs.FS{"in memory": vfs.NewMem(), "on disk": vfs.Default} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := Open(Config{Dir: dir, FS: fs})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Open(Config{Dir: dir, FS: fs}); !errors.Is(err, ErrInUse) {
				t.Errorf("second opening: %v", err)
			}
			if _, err := Reserve(Config{Dir: dir, FS: fs}); !errors.Is(err, ErrInUse) {
				t.Errorf("reservation: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			r, err := Reserve(Config{Dir: dir, FS: fs})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Open(Config{Dir: dir, FS: fs}); !errors.Is(err, ErrInUse) {
				t.Errorf("opening what is reserved: %v", err)
			}
			if _, err := r.Meta(); !errors.Is(err, ErrNoStore) {
				t.Errorf("head of an empty store: %v", err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestReadingWhatIsNotThere(t *testing.T) {
	fs := vfs.NewMem()
	if _, err := Open(Config{Dir: "store", FS: fs, ReadOnly: true}); !errors.Is(err, ErrNoStore) {
		t.Errorf("no directory: %v", err)
	}
	if exist(fs, "store") {
		t.Error("reading made a directory")
	}
}
