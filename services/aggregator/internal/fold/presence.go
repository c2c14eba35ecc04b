package fold

import (
	"strings"

	"weir/pkg/schema"
)

// hear notes that an event spoke of a source. An operator's replay of an old
// message says nothing of the device being there now.
func (s *State) hear(src *source, e *schema.Event, r *schema.Reading) {
	if e.Route == schema.RouteReplay {
		return
	}
	src.LastSeen = max(src.LastSeen, e.Received)
	if r.Kind == schema.KindRecorded {
		return // it is no device
	}
	presence := presenceOf(e, r)
	if presence == schema.PresenceUnknown {
		return
	}
	if presence == schema.PresenceAlive {
		src.LastAlive = max(src.LastAlive, e.Received)
	}
	src.setPresence(presence, e.Received)
	if e.Route == schema.RouteMQTT || e.Route == schema.RouteWill { // others have no connection whose end says anything
		s.clients.speaksFor(e.Client, src)
	}
}

// presenceOf returns what an event says of its source being there. A will says
// that the device is gone, whatever it wrote into it. A device that says the same
// by itself has left in good order; what is fetched does not speak by itself, and
// is offline. Values say that it is there.
func presenceOf(e *schema.Event, r *schema.Reading) schema.Presence {
	switch {
	case e.Route == schema.RouteWill:
		return schema.PresenceOffline
	case r.Presence == schema.PresenceOffline && e.Route != schema.RoutePull:
		return schema.PresenceLeft
	case r.Presence == schema.PresenceUnknown && r.HasValues():
		return schema.PresenceAlive
	}
	return r.Presence
}

func (src *source) setPresence(p schema.Presence, at int64) {
	if src.Presence != p {
		src.Presence, src.PresenceSince = p, at
	}
}

// disconnect marks what a client spoke for as disconnected, if it was alive and
// nothing was heard of it since: the client may be back by another connection
// before the end of its old one is noticed.
func (s *State) disconnect(d *schema.Disconnect) {
	c := s.clients.byID[d.Client]
	if c == nil {
		return
	}
	for _, src := range c.sources {
		if src.Presence == schema.PresenceAlive && src.LastSeen <= d.At {
			src.setPresence(schema.PresenceDisconnected, d.At)
			s.sources.touch(src)
		}
	}
}

// speaksFor notes that the client with this id spoke for src last.
func (cs *clients) speaksFor(id string, src *source) {
	if src.Client == id {
		return
	}
	if src.client != nil {
		cs.unlist(src)
	}
	src.Client = strings.Clone(id)
	cs.list(src)
}

// list enters src with the client that last spoke for it. This listing follows
// from the sources' records and is not in the store.
func (cs *clients) list(src *source) {
	if src.Client == "" {
		return
	}
	c := cs.get(src.Client)
	src.client, src.clientIndex = c, len(c.sources)
	c.sources = append(c.sources, src)
}

func (cs *clients) unlist(src *source) {
	c, last := src.client, len(src.client.sources)-1
	moved := c.sources[last]
	c.sources[src.clientIndex], moved.clientIndex = moved, src.clientIndex
	c.sources[last] = nil
	c.sources = c.sources[:last]
	src.client = nil
	cs.dropIfIdle(c)
}
