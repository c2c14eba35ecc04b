package main

import (
	"log/slog"
	"os"

	"weir/devices/agent"
	"weir/devices/agent/claim"
)

// agentIDs gives an agent's task and its proplet ids, where none are given: ones
// that stay the same from run to run, and that no other agent on this machine has.
type agentIDs struct {
	log     *slog.Logger
	claimed []*claim.Claim
}

// claim returns the id, or one like it that is free. Where that cannot be told it
// is the id itself.
func (ids *agentIDs) claim(id string) string {
	c, err := claim.Take(os.TempDir(), id)
	if err != nil {
		ids.log.Info("another agent on this machine may have the same id", "id", id, "error", err)
	}
	ids.claimed = append(ids.claimed, c)
	return c.ID
}

// of returns the task's id, and the settings with the proplet's. The task's is the
// given one, unless that is ""; label is what the default ends with.
func (ids *agentIDs) of(c agent.Config, given, label string) (agent.Config, string) {
	task := given
	if task == "" || c.PropletID == "" && c.ClientID == "" {
		id := ids.claim(agent.Hostname() + "-" + label)
		if c.PropletID == "" && c.ClientID == "" {
			c.PropletID = id
		}
		if task == "" {
			task = id
		}
	}
	return c, task
}

// release lets others have the ids.
func (ids *agentIDs) release() {
	for _, c := range ids.claimed {
		if err := c.Release(); err != nil {
			ids.log.Warn("release an id", "id", c.ID, "error", err)
		}
	}
}
