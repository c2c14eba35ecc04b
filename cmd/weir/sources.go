package main

import (
	"io"
	"os"

	"weir/services/ingest"
)

// The commands that look at a sources file, without a running weir.
type (
	checkSourcesCmd struct {
		File string `arg:"" help:"The sources file."`
	}
	mapTestCmd struct {
		Sources string `placeholder:"FILE" help:"Sources file with topic_mappings; without it the mappings that weir ships with."`
		Topic   string `required:"" placeholder:"TOPIC" help:"MQTT topic of the message."`
		Payload string `required:"" placeholder:"TEXT" help:"Its payload, @FILE for a file's, or - for standard input."`
	}
)

// Help explains the command with examples.
func (checkSourcesCmd) Help() string {
	return `Reads a sources file as weir does and prints what it has, or every fault with its line. Ends with 1 if there is one.

Example:

    weir check-sources sources.yaml`
}

// Help explains the command with examples.
func (mapTestCmd) Help() string {
	return `Shows whose a message would be, of which source, and the series with their values; or why it would be rejected, or that nobody takes its topic.

Examples:

    weir map-test --topic j/factory/line1/press/state --payload '{"force":12.5}'
    weir map-test --sources sources.yaml --topic plant/a/press/state --payload @message.json`
}

// Run checks a sources file.
func (c *checkSourcesCmd) Run(s *session) error { return ingest.CheckSources(c.File, s.stdout) }

// Run shows what a message becomes.
func (c *mapTestCmd) Run(s *session) error {
	payload := c.Payload
	switch {
	case payload == "-":
		data, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		payload = string(data)
	case len(payload) > 1 && payload[0] == '@':
		data, err := os.ReadFile(payload[1:])
		if err != nil {
			return err
		}
		payload = string(data)
	}
	return ingest.MapTest(c.Sources, c.Topic, payload, s.stdout)
}
