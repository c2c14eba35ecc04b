// Package sessions keeps what an MQTT broker must not forget in a JetStream
// key-value bucket: persistent sessions with their subscriptions, and retained
// messages. So they survive a crash, and an ingest needs no disk of its own.
package sessions

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	bucket = "WEIR_BROKER"

	sessionPrefix  = "session."
	retainedPrefix = "retained."

	// WriteTimeout is a Store's WriteTimeout, unless it is told another.
	WriteTimeout = 2 * time.Second

	flushEvery = 200 * time.Millisecond
	retryAfter = time.Second
)

// errTooLarge means that a value does not fit into a NATS message.
var errTooLarge = errors.New("too large to be stored")

// Store is the bucket. Its methods may be called concurrently.
type Store struct {
	// WriteTimeout is how long a write may take: devices wait for those of their
	// sessions. It may be changed before the first write.
	WriteTimeout time.Duration

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
	s := &Store{WriteTimeout: WriteTimeout, kv: kv, onError: onError, written: map[string]string{}, later: map[string][]byte{},
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go s.writeLater()
	return s, nil
}

// Close writes what is still to be written. It gives up at the first write that
// fails.
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
			case strings.HasPrefix(entry.Key(), sessionPrefix):
				sessions = append(sessions, entry.Value())
				s.mu.Lock()
				s.written[entry.Key()] = string(entry.Value())
				s.mu.Unlock()
			case strings.HasPrefix(entry.Key(), retainedPrefix):
				retained = append(retained, entry.Value())
			}
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("load bucket %s: %w", bucket, ctx.Err())
		}
	}
}

// key makes a bucket's key of a name, which may hold any character and be longer
// than a NATS subject can be.
func key(prefix, name string) string {
	sum := sha256.Sum256([]byte(name))
	return prefix + base64.RawURLEncoding.EncodeToString(sum[:])
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
// several in a short time, the last is written. A write that failed is tried
// again.
func (s *Store) PutRetained(topic string, value []byte) {
	s.mu.Lock()
	s.later[key(retainedPrefix, topic)] = value
	s.mu.Unlock()
	s.signal()
}

func (s *Store) writeLater() {
	defer close(s.done)
	for {
		select {
		case <-s.wake:
			pause := flushEvery // a burst on one topic becomes one write
			if !s.flush() {
				pause = retryAfter
			}
			if s.waited(pause) {
				continue
			}
		case <-s.stop:
		}
		s.flush()
		return
	}
}

// waited reports false when the Store was closed meanwhile.
func (s *Store) waited(pause time.Duration) bool {
	select {
	case <-time.After(pause):
		return true
	case <-s.stop:
		return false
	}
}

// flush writes what is to be written. At a failure it keeps the rest for later
// and reports false.
func (s *Store) flush() bool {
	s.mu.Lock()
	due := s.later
	s.later = map[string][]byte{}
	s.mu.Unlock()
	for k, v := range due {
		err := s.write(k, v)
		if err != nil {
			s.onError(fmt.Errorf("store a retained message: %w", err))
		}
		if err != nil && !errors.Is(err, errTooLarge) {
			s.keep(due)
			return false
		}
		delete(due, k)
	}
	return true
}

// keep puts back what was not written and has no newer value.
func (s *Store) keep(due map[string][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, v := range due {
		if _, newer := s.later[k]; !newer {
			s.later[k] = v
		}
	}
	s.signal()
}

func (s *Store) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Store) write(key string, value []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.WriteTimeout)
	defer cancel()
	if value == nil {
		return s.kv.Purge(ctx, key)
	}
	_, err := s.kv.Put(ctx, key, value)
	if errors.Is(err, nats.ErrMaxPayload) { // what was there before must not come back instead
		return errors.Join(fmt.Errorf("%w: %d bytes", errTooLarge, len(value)), s.kv.Purge(ctx, key))
	}
	return err
}
