package ingest

import (
	"context"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"weir/pkg/journal"
	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/decode/mapping"
	"weir/services/ingest/internal/broker"
	"weir/services/ingest/internal/sources"
)

// checkMappings checks the section topic_mappings of a sources file.
func checkMappings(section *yaml.Node) error {
	_, err := mappingsOf(section)
	return err
}

// mappingsOf returns the mappings that a section says; nil for no section.
func mappingsOf(section *yaml.Node) (*mapping.Set, error) {
	set, err := mapping.ParseNode(section)
	if err != nil {
		return nil, err
	}
	if n := len(set.Marshal()); n > journal.MaxEntryBytes {
		return nil, fmt.Errorf("topic_mappings takes %d bytes in the journal: expected at most %d", n, journal.MaxEntryBytes)
	}
	return set, nil
}

// startMappings puts the mappings into force that come with weir, unless a sources
// file will say others. It goes before the first message.
func (a *App) startMappings() error {
	if a.cfg.Sources != "" {
		return nil
	}
	return a.putMappings(mapping.Shipped())
}

// sourcesChanged puts the mappings of a sources file into force. It goes before the
// first message, too: one on a topic that is mapped a moment later would be
// acknowledged and not journaled.
func (a *App) sourcesChanged(_ context.Context, f *sources.File) error {
	set, err := mappingsOf(f.Mappings)
	if err != nil {
		return err
	}
	return a.putMappings(set)
}

// putMappings puts mappings into the journal's queue, and into force behind what is
// there already. They are not waited for: whoever is told that a message on one of
// their topics is stored knows that they are.
func (a *App) putMappings(set *mapping.Set) error {
	err := a.topics.Change(set, func(payload []byte) error {
		return a.committer.Submit(journal.Entry[broker.Receipt]{Event: schema.Event{
			Topic: decode.MappingsTopic, Route: schema.RouteRule, Received: time.Now().UnixNano(), Payload: payload,
		}})
	})
	if err != nil {
		return fmt.Errorf("put the mappings of topics into the journal: %w", err)
	}
	return nil
}
