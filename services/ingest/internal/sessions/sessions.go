// Package sessions keeps what an MQTT broker must not forget in a JetStream
// key-value bucket: persistent sessions with their subscriptions, and retained
// messages. So they survive a crash, and an ingest needs no disk of its own.
package sessions

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	bucket = "WEIR_BROKER"

	sessionPrefix  = "session."
	retainedPrefix = "retained."

	writeTimeout = 2 * time.Second
	flushEvery   = 200 * time.Millisecond
)

// Store is the bucket. Its methods may be called concurrently.
type Store struct {
	kv      jetstream.KeyValue
	onError func(error)

	mu      sync.Mutex
	written map[string]string // sessions as they are in the bucket: a reconnect changes nothing
	later   map[string][]byte // retained messages to be written; nil deletes
	wake    chan struct{}
	stop    chan struct{}
	done    chan struct{}
}

// Open opens the bucket and makes it if there is none. onError is told of each
// write that failed; the broker goes on without it.
func Open(ctx context.Context, nc *nats.Conn, replicas int, onError func(error)) (*Store, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	kv, err := js.KeyValue(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, History: 1, Storage: jetstream.FileStorage,
			Replicas: max(replicas, 1), Description: "MQTT sessions and retained messages of weir's broker"})
	}
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	s := &Store{kv: kv, onError: onError, written: map[string]string{}, later: map[string][]byte{},
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go s.writeLater()
	return s, nil
}

// Close writes what is still to be written.
func (s *Store) Close() {
	close(s.stop)
	<-s.done
}

// Load returns all sessions and retained messages.
func (s *Store) Load(ctx context.Context) (sessions, retained [][]byte, err error) {
	watch, err := s.kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, nil, fmt.Errorf("load bucket %s: %w", bucket, err)
	}
	defer watch.Stop()
	for {
		select {
		case entry, ok := <-watch.Updates():
			switch {
			case !ok:
				return nil, nil, fmt.Errorf("load bucket %s: the watch ended", bucket)
			case entry == nil:
				return sessions, retained, nil
			case hasPrefix(entry.Key(), sessionPrefix):
				sessions = append(sessions, entry.Value())
				s.mu.Lock()
				s.written[entry.Key()] = string(entry.Value())
				s.mu.Unlock()
			case hasPrefix(entry.Key(), retainedPrefix):
				retained = append(retained, entry.Value())
			}
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("load bucket %s: %w", bucket, ctx.Err())
		}
	}
}

func hasPrefix(s, prefix string) bool { return len(s) >= len(prefix) && s[:len(prefix)] == prefix }

// key encodes a name, which may hold any character, for a bucket's key.
func key(prefix, name string) string {
	return prefix + base64.RawURLEncoding.EncodeToString([]byte("k"+name))
}

// PutSession stores a session before it returns; nil forgets it.
func (s *Store) PutSession(client string, value []byte) {
	k := key(sessionPrefix, client)
	s.mu.Lock()
	old, exists := s.written[k]
	s.mu.Unlock()
	if exists == (value != nil) && old == string(value) {
		return
	}
	if err := s.write(k, value); err != nil {
		s.onError(fmt.Errorf("store the session of client %q: %w", client, err))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == nil {
		delete(s.written, k)
	} else {
		s.written[k] = string(value)
	}
}

// PutRetained stores a topic's retained message soon; nil forgets it. Of
// several in a short time, the last is written.
func (s *Store) PutRetained(topic string, value []byte) {
	s.mu.Lock()
	s.later[key(retainedPrefix, topic)] = value
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Store) writeLater() {
	defer close(s.done)
	for {
		select {
		case <-s.wake:
			s.flush()
			select { // let a burst on one topic become one write
			case <-time.After(flushEvery):
			case <-s.stop:
			}
		case <-s.stop:
			s.flush()
			return
		}
	}
}

func (s *Store) flush() {
	s.mu.Lock()
	due := s.later
	s.later = map[string][]byte{}
	s.mu.Unlock()
	for k, v := range due {
		if err := s.write(k, v); err != nil {
			s.onError(fmt.Errorf("store a retained message: %w", err))
		}
	}
}

func (s *Store) write(key string, value []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	var err error
	if value == nil {
		err = s.kv.Purge(ctx, key)
	} else {
		_, err = s.kv.Put(ctx, key, value)
	}
	return err
}
