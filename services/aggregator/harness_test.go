package aggregator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"weir/services/aggregator/internal/fold"

	"weir/pkg/journal"
	"weir/pkg/journal/journaltest"
	"weir/pkg/schema"
	"weir/pkg/schema/frame"
	"weir/pkg/schema/wire"
)

// patience bounds what must happen soon.
const patience = time.Minute

// soon returns a context that ends when what must happen soon has not. Where a
// context has no end, nats.go gives up after 5 s, for which a busy machine may
// stand still.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until f returns nil.
func eventually(t testing.TB, f func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if err = f(); err == nil {
			return
		}
		<-time.After(2 * time.Millisecond)
	}
	t.Fatal(err)
}

// memoryFrames is a journal in memory.
type memoryFrames struct{ *journaltest.Memory }

func (m memoryFrames) Read(ctx context.Context, after uint64) (reader, error) {
	return m.Memory.Read(ctx, after)
}

// put appends frames to a journal.
func put(t testing.TB, j interface {
	Append(context.Context, string, []byte, []schema.TenantCount) (uint64, error)
}, frames ...*schema.Frame) {
	t.Helper()
	for i, f := range frames {
		data, err := frame.Encode(nil, f)
		if err != nil {
			t.Fatal(err)
		}
		// A frame that is in the journal twice has two ids there.
		if _, err := j.Append(t.Context(), frame.ID(f)+"/"+string(rune('a'+i%26))+time.Now().String(), data, f.Received); err != nil {
			t.Fatal(err)
		}
	}
}

// cluster is an embedded NATS server, and a journal on it.
type cluster struct {
	server  *journal.Embedded
	conn    *nats.Conn
	journal *journal.Journal
	dir     string // of the store
}

func newCluster(t testing.TB) *cluster {
	t.Helper()
	dir := t.TempDir()
	server, err := journal.StartEmbedded(journal.EmbeddedConfig{Dir: filepath.Join(dir, "journal"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	conn, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	j, err := journal.Open(soon(t), conn, journal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{server: server, conn: conn, journal: j, dir: filepath.Join(dir, "store")}
}

// start starts an App on the cluster, which the test's end stops.
func (c *cluster) start(t testing.TB) *App {
	t.Helper()
	a, err := New(Config{NATS: c.conn, Dir: c.dir, CheckpointInterval: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(soon(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopApp(t, a) })
	return a
}

func stopApp(t testing.TB, a *App) {
	t.Helper()
	if err := a.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// folded waits until an App has folded the whole journal.
func (c *cluster) folded(t *testing.T, a *App) {
	t.Helper()
	eventually(t, func() error {
		// A journal that does not say how long it is, in the little time it has, may be longer.
		if h := c.health(t); h.Behind > 0 || h.Cursor == 0 || h.JournalError != "" {
			return fmt.Errorf("the journal is not folded: %+v", h)
		}
		return nil
	})
}

// ask sends a request to the read port and returns the answer's messages, joined.
func (c *cluster) ask(t testing.TB, endpoint string, request any) ([]byte, int) {
	t.Helper()
	answer, messages, err := c.tryAsk(t, endpoint, request)
	if err != nil {
		t.Fatal(err)
	}
	return answer, messages
}

func (c *cluster) tryAsk(t testing.TB, endpoint string, request any) (answer []byte, messages int, err error) {
	t.Helper()
	data := []byte(nil)
	switch r := request.(type) {
	case nil:
	case string:
		data = []byte(r)
	default:
		if data, err = json.Marshal(r); err != nil {
			t.Fatal(err)
		}
	}
	inbox := c.conn.NewRespInbox()
	sub, err := c.conn.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	if err := c.conn.PublishRequest(schema.ReadPortSubject(0, endpoint), inbox, data); err != nil {
		t.Fatal(err)
	}
	for {
		msg, err := sub.NextMsg(patience)
		if err != nil {
			return nil, 0, err
		}
		if len(msg.Data) == 0 && msg.Header.Get("Status") == "503" {
			return nil, 0, nats.ErrNoResponders
		}
		if text := msg.Header.Get("Nats-Service-Error"); text != "" {
			return nil, 0, errors.New(msg.Header.Get("Nats-Service-Error-Code") + " " + text)
		}
		answer = append(answer, msg.Data...)
		messages++
		if msg.Header.Get(schema.MoreHeader) == "" {
			return answer, messages, nil
		}
	}
}

func (c *cluster) health(t testing.TB) (h schema.AggregatorHealth) {
	t.Helper()
	answer, _ := c.ask(t, schema.ReadHealth, nil)
	if err := json.Unmarshal(answer, &h); err != nil {
		t.Fatal(err)
	}
	return h
}

func (c *cluster) accounting(t testing.TB) (a schema.Accounting) {
	t.Helper()
	var answer []byte
	eventually(t, func() (err error) {
		answer, _, err = c.tryAsk(t, schema.ReadAccounting, nil)
		if err != nil && !strings.HasPrefix(err.Error(), "503 ") { // 503: the journal was not heard of in time
			t.Fatal(err)
		}
		return err
	})
	if err := json.Unmarshal(answer, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// records reads an answer: a number first, if head, and then records.
func records[R any, P interface {
	*R
	ReadBinary(*wire.Reader)
}](t testing.TB, answer []byte, head bool) (number uint64, all []R) {
	t.Helper()
	r := wire.NewReader(answer)
	if head {
		number = r.Uint()
	}
	for len(r.Rest()) > 0 && r.Err() == nil {
		var one R
		P(&one).ReadBinary(r)
		all = append(all, one)
	}
	if err := r.Done(); err != nil {
		t.Fatal(err)
	}
	return number, all
}

func metricsText(a *App) string {
	var b strings.Builder
	a.WriteMetrics(&b)
	return b.String()
}

// settled folds frames in one go, for comparison.
func settled(frames []*schema.Frame) *fold.State {
	s := fold.New(fold.DefaultSettings())
	for i, f := range frames {
		s.Apply(uint64(i+1), f)
	}
	return s
}
