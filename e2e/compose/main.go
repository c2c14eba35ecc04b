// The program compose checks weir's compose stack: it brings it up, publishes to
// it from outside, asks every route at its front door, has alerts arrive at
// receivers, kills each container under load, takes NATS away, and looks whether
// anything is missing or counted twice. run.sh beside it starts it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "mailsink" {
		if err := mailSink(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "FAILED:", err)
		os.Exit(1)
	}
}

// check is one run.
type check struct {
	stack
	receivers *receivers
	load      *load
	began     time.Time
	incidents int
}

func run(ctx context.Context) error {
	work := flag.String("work", "", "directory for this run's files")
	docker := flag.String("docker", "docker", "the docker command")
	compose := flag.String("compose", "docker-compose", "the compose command")
	outage := flag.Duration("outage", 20*time.Second, "how long the NATS server is away")
	prometheus := flag.Bool("prometheus", false, "look at the profile prometheus: there is an image for it")
	flag.Parse()
	c := &check{began: time.Now(), stack: stack{work: *work, docker: *docker, compose: strings.Fields(*compose)}}
	var err error
	if c.receivers, err = newReceivers(); err != nil {
		return err
	}
	defer c.receivers.close()
	if err := c.prepare(c.receivers); err != nil {
		return err
	}
	type step struct {
		about string
		do    func(context.Context) error
	}
	steps := []step{
		{"docker-compose up: every container is healthy", c.up},
		{"the containers run as nobody, read-only, without capabilities, with limits", c.hardened},
		{"a device's threshold reaches Slack, mail, PagerDuty, OpsGenie and a webhook, and its end too", c.firstIncident},
		{"every route of every service answers at the front door", c.everyRoute},
		{"numbered publishers are at work (MQTT 3.1.1 and 5, QoS 1 and 2)", c.startLoad},
		{"each container is killed under load, comes back by itself, and the load goes on", c.killEach},
		{fmt.Sprintf("NATS is away for %s: health says so, nothing is acknowledged, all goes on after it", *outage), func(ctx context.Context) error { return c.outage(ctx, *outage) }},
		{"the services start before NATS, in the wrong order, and say that they wait", c.wrongOrder},
		{"every acknowledged number is stored once, none twice, and the books balance", c.settle},
		{"every alert that fired was told to everybody, its end too", c.everyNotice},
		{"the journal folded anew gives the state on disk (weir verify)", c.verify},
		{"the profile demo: the simulated fleet arrives, an alert is a mail in the sink", c.demo},
	}
	profiles := []string{"demo"}
	if *prometheus {
		profiles = append(profiles, "prometheus")
		steps = append(steps, step{"the profile prometheus: it scrapes every service, and what it writes is history", c.prometheus})
	}
	steps = append(steps, step{"opened by PUBLISH_ON and WEIR_USERS: only users may publish, and the profiles have theirs", func(ctx context.Context) error { return c.opened(ctx, profiles) }})
	steps = append(steps, step{"docker-compose stop: every container ends in order", c.stopAll})
	for _, step := range steps {
		at := time.Now()
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.about, err)
		}
		fmt.Printf("ok  %6.1f s  %s\n", time.Since(at).Seconds(), step.about)
	}
	fmt.Printf("all of it took %.0f s\n", time.Since(c.began).Seconds())
	return nil
}

// patience bounds what should take some seconds, on a busy machine.
const patience = 90 * time.Second

// eventually calls f until it returns no error.
func eventually(ctx context.Context, what string, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %s: %w", what, patience, err)
		case <-ticker.C:
		}
	}
}
