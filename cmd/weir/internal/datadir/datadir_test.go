package datadir_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"weir/cmd/weir/internal/datadir"
)

func TestAcquire(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "data")
	lock, err := datadir.Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = datadir.Acquire(dir)
	want := fmt.Sprintf("data directory is in use: process %d has %s; stop it, or use another directory with --data-dir", os.Getpid(), dir)
	if !errors.Is(err, datadir.ErrInUse) || err.Error() != want {
		t.Errorf("second Acquire: got  %v\nwant %s", err, want)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := datadir.Acquire(dir)
	if err != nil {
		t.Fatalf("Acquire after Release: %v", err)
	}
	if err := again.Release(); err != nil {
		t.Fatal(err)
	}
}

// A lock file that lay there before, with anything in it, is no lock.
func TestAcquireOverStaleLockFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, datadir.LockFile), []byte("no number"), 0o600); err != nil {
		t.Fatal(err)
	}
	lock, err := datadir.Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestAcquireWithoutDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.Acquire(file); err == nil {
		t.Error("Acquire of a file succeeded")
	}
}

func TestExists(t *testing.T) {
	dir := t.TempDir()
	if datadir.Exists(dir) {
		t.Error("an empty directory is taken for a data directory")
	}
	if err := os.Mkdir(datadir.Journal(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	if !datadir.Exists(dir) {
		t.Error("a data directory is not recognised")
	}
}
