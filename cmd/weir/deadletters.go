package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

type deadlettersCmd struct {
	List   deadlettersListCmd   `cmd:"" help:"List rejected messages, the newest first."`
	Show   deadlettersShowCmd   `cmd:"" help:"Show one rejected message with its payload."`
	Replay deadlettersReplayCmd `cmd:"" help:"Put a rejected message in again."`
}

// deadLetter is a dead letter as the API shows it.
type deadLetter struct {
	Seq        uint64    `json:"seq"`
	Time       time.Time `json:"time"`
	Reason     string    `json:"reason"`
	Detail     string    `json:"detail"`
	Service    string    `json:"service"`
	Subservice string    `json:"subservice"`
	Topic      string    `json:"topic"`
	ClientID   string    `json:"client_id"`
	Correlator string    `json:"correlator,omitempty"`
	Payload    string    `json:"payload"`
	Encoding   string    `json:"encoding"`
}

// tenant is "service/subservice", or "-" for a message that had none.
func (d deadLetter) tenant() string {
	if d.Service == "" && d.Subservice == "" {
		return "-"
	}
	return d.Service + "/" + d.Subservice
}

type deadLetterPage struct {
	Offset      uint64       `json:"offset"`
	Limit       uint64       `json:"limit"`
	Total       uint64       `json:"total"`
	DeadLetters []deadLetter `json:"deadletters"`
}

type deadlettersListCmd struct {
	clientFlags
	Offset     uint64  `placeholder:"N" help:"How many of the newest to pass over."`
	Limit      uint64  `default:"20" help:"How many to list at most."`
	Service    *string `placeholder:"NAME" help:"Only those of this service; empty for those without one."`
	Subservice *string `placeholder:"NAME" help:"Only those of this subservice; empty for those without one."`
	Reason     string  `placeholder:"REASON" help:"Only those rejected for this reason, such as not_json."`
	JSON       bool    `name:"json" help:"Print the API's JSON."`
}

// Run prints a page of dead letters.
func (c *deadlettersListCmd) Run(s *session) error {
	client, err := c.client(s)
	if err != nil {
		return err
	}
	var page deadLetterPage
	raw, err := client.ask(s.ctx, http.MethodGet, "/api/deadletters?"+c.query(), &page)
	if err != nil {
		return fmt.Errorf("list dead letters: %w", err)
	}
	if c.JSON {
		_, err := s.stdout.Write(raw)
		return err
	}
	return c.print(s, page)
}

func (c *deadlettersListCmd) query() string {
	q := url.Values{}
	q.Set("offset", strconv.FormatUint(c.Offset, 10))
	q.Set("limit", strconv.FormatUint(c.Limit, 10))
	if c.Service != nil {
		q.Set("service", *c.Service)
	}
	if c.Subservice != nil {
		q.Set("subservice", *c.Subservice)
	}
	if c.Reason != "" {
		q.Set("reason", c.Reason)
	}
	return q.Encode()
}

func (c *deadlettersListCmd) print(s *session, page deadLetterPage) error {
	w := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SEQ\tTIME\tREASON\tTENANT\tCLIENT\tTOPIC\tDETAIL")
	for _, d := range page.DeadLetters {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", d.Seq, d.Time.Format(time.RFC3339),
			cell(d.Reason), d.tenant(), cell(d.ClientID), cell(d.Topic), cell(d.Detail))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the list: %w", err)
	}
	_, err := fmt.Fprintf(s.stdout, "%d of %d\n", len(page.DeadLetters), page.Total)
	return err
}

// cell makes a device's text fit for a terminal: no control characters, which
// could write anything anywhere, and no end of line.
func cell(s string) string {
	if s == "" {
		return "-"
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
