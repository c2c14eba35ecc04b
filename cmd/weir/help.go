package main

import "github.com/alecthomas/kong"

// description stands at the top of weir --help.
const description = `weir measures fleets of devices. They publish over MQTT; every message is in a journal on disk before it is acknowledged, is counted once, and all numbers are folded from that journal.

Plain weir runs everything in one process, and "weir all --help" shows its settings. Each setting is a flag, an environment variable (WEIR_…) and a line of the YAML file that --config names; flags go before the environment, the environment before the file.`

// commandGroups orders the commands of weir --help.
var commandGroups = []kong.Group{
	{Key: "run", Title: "Run:"},
	{Key: "look", Title: "Ask:"},
	{Key: "alerts", Title: "Rules and receivers:"},
	{Key: "sources", Title: "Sources:"},
	{Key: "devices", Title: "Devices:"},
	{Key: "mend", Title: "Check and mend, with weir stopped:"},
	{Key: "bench", Title: "Measure:"},
}

// The texts below stand in the commands' --help, under their first line.
// Indented lines are shown as they are.

// Help explains the command with examples.
func (allCmd) Help() string {
	return `The MQTT broker, the journal, the aggregator and the HTTP APIs run in this process. It prints where it listens and what to try first. Ctrl-C or SIGTERM stops it in order; a second one at once. Whatever was acknowledged is on disk either way.

Examples:

    weir
    weir --data-dir /var/lib/weir --config /etc/weir.yaml
    weir --mqtt-addr 0.0.0.0:1883 --users users.yaml
    weir --mqtt-addr 127.0.0.1:0 --internal-addr 127.0.0.1:0 --external-addr 127.0.0.1:0 --intake-addr 127.0.0.1:0 --addr-file addrs.json`
}

// Help explains the command with examples.
func (ingestCmd) Help() string {
	return `Takes messages by MQTT and writes them to the journal in the NATS server; any number of these may run. Answers /health and /metrics on its internal address.

Example:

    weir ingest --nats-url nats://127.0.0.1:4222 --internal-addr 127.0.0.1:8090`
}

// Help explains the command with examples.
func (aggregatorCmd) Help() string {
	return `Folds the journal in the NATS server into state in its data directory, and answers questions about it over NATS. Several may run, each with its own data directory. Answers /health and /metrics on its internal address.

Example:

    weir aggregator --nats-url nats://127.0.0.1:4222 --data-dir ./weir-data --internal-addr 127.0.0.1:8091`
}

// Help explains the command with examples.
func (queryCmd) Help() string {
	return `Answers the HTTP APIs with what the aggregators know. It keeps nothing itself.

Example:

    weir query --nats-url nats://127.0.0.1:4222`
}

// Help explains the command with examples.
func (alerterCmd) Help() string {
	return `Evaluates the rules over what the aggregators know and tells the receivers. Its state is in the NATS server. One alerter works at a time: a second one takes over, and the first one ends. Answers its part of the HTTP APIs, /health and /metrics on its internal address.

Example:

    weir alerter --nats-url nats://127.0.0.1:4222 --rules alerts/ --alertmanager-config alertmanager.yml --internal-addr 127.0.0.1:8092`
}

// Help explains the command with examples.
func (checkRulesCmd) Help() string {
	return `Reads Prometheus rule files as weir does, prints how many rules each has, or every fault with its line. Ends with 1 if there is one.

Example:

    weir check-rules alerts/ more.yml`
}

// Help explains the command with examples.
func (testRulesCmd) Help() string {
	return `Runs the unit tests in files of the format of "promtool test rules": series that are put in, alerts and results that are expected. Ends with 1 if one fails.

Example:

    weir test-rules alerts/tests.yml`
}

// Help explains the command with examples.
func (checkRoutesCmd) Help() string {
	return `Reads Alertmanager's configuration as weir does and prints every fault with its line. With labels it says which receivers an alert with them goes to.

Examples:

    weir check-routes --alertmanager-config alertmanager.yml
    weir check-routes --alertmanager-config alertmanager.yml severity=critical service=factory`
}

// Help explains the command with examples.
func (notifyTestCmd) Help() string {
	return `Sends an alert named WeirNotifyTest that fires, and then is resolved, to everybody whom a receiver names, and prints what they said. Ends with 1 if one of them did not take it.

Example:

    weir notify-test on-call --alertmanager-config alertmanager.yml`
}

// Help explains the command with examples.
func (deadlettersListCmd) Help() string {
	return `A message that cannot be applied is kept as a dead letter, with its bytes, its sender and the reason. After a fix (of a decoder, say) it can be put in again; if it is no better then, it is rejected again as a new dead letter.

Examples:

    weir deadletters list --reason not_json
    weir deadletters show 3
    weir deadletters replay 3`
}

// Help explains the command with examples.
func (healthcheckCmd) Help() string {
	return `Ends with 0 if the running weir is healthy or degraded, else with 1; what it found goes to standard error. Made for the health checks of container platforms.

Examples:

    weir healthcheck
    weir healthcheck --url http://127.0.0.1:8090`
}

// Help explains the command with examples.
func (rebuildCmd) Help() string {
	return `Deletes nothing before the new state is whole: it folds the journal of a data directory into a new state beside the old one, which it then puts in the old one's place. For when the state is damaged or lost, or a new release says so.

Example:

    weir rebuild --data-dir /var/lib/weir`
}

// Help explains the command with examples.
func (verifyCmd) Help() string {
	return `Folds the journal of a data directory into a temporary state up to where the state on disk stands, and compares the two. Ends with 1 and names the first difference if there is one. It changes nothing.

Example:

    weir verify --data-dir /var/lib/weir`
}
