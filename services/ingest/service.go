package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/micro"

	"weir/pkg/remotewrite"
	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/wire"
)

const replayTimeout = 5 * time.Second

// serve answers the query service: how the ingest does, and dead letters that
// are to be put in again.
func (a *App) serve() (err error) {
	a.service, err = micro.AddService(a.cfg.NATS, micro.Config{Name: schema.IngestService, Version: "1.0.0", Description: "weir " + a.cfg.Version})
	if err != nil {
		return fmt.Errorf("offer the ingest's NATS service: %w", err)
	}
	health := micro.HandlerFunc(func(r micro.Request) { _ = r.RespondJSON(a.health()) })
	// Each ingest answers for itself; a dead letter goes to any one of them.
	if err := a.service.AddEndpoint("health", health, micro.WithEndpointSubject(schema.IngestHealthSubject), micro.WithEndpointQueueGroupDisabled()); err != nil {
		return fmt.Errorf("offer the ingest's NATS service: %w", err)
	}
	replay := micro.HandlerFunc(func(r micro.Request) { go a.answerReplay(r) })
	if err := a.service.AddEndpoint("replay", replay, micro.WithEndpointSubject(schema.IngestReplaySubject)); err != nil {
		return fmt.Errorf("offer the ingest's NATS service: %w", err)
	}
	return nil
}

func (a *App) health() schema.IngestHealth {
	s := a.broker.Stats()
	h := schema.IngestHealth{Broker: "running", ClientsConnected: s.Clients, BytesReceived: s.BytesReceived,
		BytesSent: s.BytesSent, QueuedBytes: int64(a.committer.Queued())}
	if e := a.meter.journalError.Load(); e != nil {
		h.JournalError = *e
	}
	return h
}

func (a *App) answerReplay(r micro.Request) {
	var d schema.DeadLetter
	rd := wire.NewReader(r.Data())
	d.ReadBinary(rd)
	if err := rd.Done(); err != nil {
		refuse(r, "400", fmt.Sprintf("the dead letter cannot be read: %v", err))
		return
	}
	if d.Reason == schema.ReasonTooLarge {
		refuse(r, "409", "the event was too large: only its beginning was kept")
		return
	}
	topic, ours := a.topics.ParseReplay(d.Event.Topic)
	if !ours {
		refuse(r, "409", fmt.Sprintf("topic %q is none that is journaled", d.Event.Topic))
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), replayTimeout)
	defer cancel()
	answer := schema.ReplayAnswer{Accepted: true}
	if _, rejection := decode.New(decode.WithRemoteWrites(remotewrite.New())).Decode(topic, d.Event.Payload); rejection != nil {
		answer = schema.ReplayAnswer{Reason: rejection.Reason.String(), Detail: rejection.Detail}
	}
	// It keeps its receive time, so that readings without a date of their own
	// land where they belong; it is no retransmission, whatever it was before.
	e := d.Event
	e.Route, e.Dup, e.QoS, e.PacketID = schema.RouteReplay, false, 0, 0
	var err error
	if answer.JournalSeq, err = a.store(ctx, e, topic.Tenant, 0); err != nil {
		refuse(r, "503", err.Error())
		return
	}
	data, err := json.Marshal(answer)
	if err != nil {
		panic("BUG: an answer cannot be encoded: " + err.Error())
	}
	_ = r.Respond(data)
}

// refuse answers with an error as r.Error does, which must not be called once the
// service's own handler has returned: it notes the error in the request, where
// the service looks for it then.
func refuse(r micro.Request, code, text string) {
	_ = r.Respond(nil, micro.WithHeaders(micro.Headers{micro.ErrorCodeHeader: []string{code}, micro.ErrorHeader: []string{text}}))
}

func sortOperations(all []schema.Operations) {
	slices.SortFunc(all, func(a, b schema.Operations) int { return a.Tenant.Compare(b.Tenant) })
}
