package main

import (
	"fmt"
	"net/http"
	"strconv"
	"text/tabwriter"
	"time"
)

type deadlettersShowCmd struct {
	clientFlags
	Seq  uint64 `arg:"" help:"The message's number, from the list."`
	JSON bool   `name:"json" help:"Print the API's JSON."`
}

// Run prints one dead letter.
func (c *deadlettersShowCmd) Run(s *session) error {
	client, err := c.client(s)
	if err != nil {
		return err
	}
	var d deadLetter
	raw, err := client.ask(s.ctx, http.MethodGet, fmt.Sprintf("/api/deadletters/%d", c.Seq), &d)
	if err != nil {
		return fmt.Errorf("show dead letter %d: %w", c.Seq, err)
	}
	if c.JSON {
		_, err := s.stdout.Write(raw)
		return err
	}
	w := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"seq", strconv.FormatUint(d.Seq, 10)}, {"time", d.Time.Format(time.RFC3339Nano)},
		{"reason", cell(d.Reason)}, {"detail", cell(d.Detail)}, {"tenant", d.tenant()},
		{"client", cell(d.ClientID)}, {"topic", cell(d.Topic)}, {"payload", payloadCell(d)},
	} {
		fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the dead letter: %w", err)
	}
	return nil
}

func payloadCell(d deadLetter) string {
	if d.Encoding == "base64" {
		return d.Payload + " (base64)"
	}
	return cell(d.Payload)
}

type deadlettersReplayCmd struct {
	clientFlags
	Seq  uint64 `arg:"" help:"The message's number, from the list."`
	JSON bool   `name:"json" help:"Print the API's JSON."`
}

// Run puts a dead letter in again and says what became of it. A letter that is
// rejected again is a failure: what it was replayed for has not happened.
func (c *deadlettersReplayCmd) Run(s *session) error {
	client, err := c.client(s)
	if err != nil {
		return err
	}
	var result struct {
		JournalSeq uint64 `json:"journal_seq"`
		Accepted   bool   `json:"accepted"`
		Reason     string `json:"reason"`
		Detail     string `json:"detail"`
	}
	raw, err := client.ask(s.ctx, http.MethodPost, fmt.Sprintf("/api/deadletters/%d/replay", c.Seq), &result)
	if err != nil {
		return fmt.Errorf("replay dead letter %d: %w", c.Seq, err)
	}
	if c.JSON {
		if _, err := s.stdout.Write(raw); err != nil {
			return fmt.Errorf("print the answer: %w", err)
		}
	}
	if !result.Accepted {
		return fmt.Errorf("dead letter %d was rejected again: %s: %s", c.Seq, result.Reason, cell(result.Detail))
	}
	if !c.JSON {
		fmt.Fprintf(s.stdout, "dead letter %d was accepted (journal position %d)\n", c.Seq, result.JournalSeq)
	}
	return nil
}
