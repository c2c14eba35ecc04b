package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// publish publishes with QoS 1 and waits for the acknowledgement.
func (c *check) publish(topic, payload string) error {
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + c.mqtt).SetClientID("check").SetConnectTimeout(10 * time.Second))
	for _, step := range []func() mqtt.Token{client.Connect, func() mqtt.Token { return client.Publish(topic, 1, false, payload) }} {
		token := step()
		if !token.WaitTimeout(patience) {
			return errors.New("MQTT: no answer")
		}
		if err := token.Error(); err != nil {
			return fmt.Errorf("MQTT: %w", err)
		}
	}
	client.Disconnect(1000)
	return nil
}

func (c *check) cpu(node string, percent int) error {
	return c.publish("spore/factory/line1/"+node+"/resources", fmt.Sprintf(`{"hostname":%q,"cpu":{"usage_percent":%d},"labels":{"version":"1.1.0"}}`, node, percent))
}

// raise has a new node cross the threshold, and returns what waits until that was
// told and has it recover.
func (c *check) raise(ctx context.Context) (recover func() error, err error) {
	c.incidents++
	node := fmt.Sprintf("hot-%02d", c.incidents)
	return func() error {
		err := eventually(ctx, node+" is told to the webhook", func() error {
			if c.receivers.webhook()[node].firing == 0 {
				return errors.New("not yet")
			}
			return nil
		})
		return errors.Join(err, c.cpu(node, 20))
	}, c.cpu(node, 95)
}

func (c *check) firstIncident(ctx context.Context) error {
	recovers, err := c.raise(ctx)
	if err != nil {
		return err
	}
	if err := recovers(); err != nil {
		return err
	}
	return eventually(ctx, "everybody is told", func() error { return c.receivers.missing("hot-01") })
}

func (c *check) everyNotice(ctx context.Context) error {
	repeats := 0
	for n := range c.incidents {
		node := fmt.Sprintf("hot-%02d", n+1)
		if err := eventually(ctx, "everybody is told", func() error { return c.receivers.missing(node) }); err != nil {
			return err
		}
		t := c.receivers.webhook()[node]
		if t.firing != 1 || t.resolved != 1 {
			return fmt.Errorf("the webhook was told of %s: %+v", node, t)
		}
		repeats += t.repeats
	}
	fmt.Printf("     %d alerts, %d notices repeated with their own key\n", c.incidents, repeats)
	return nil
}

// killEach kills each container in turn, twice those that hold something.
func (c *check) killEach(ctx context.Context) error {
	for _, victim := range []string{"aggregator", "ingest", "query", "alerter", "nats", "ingest", "aggregator"} {
		recovers, err := c.raise(ctx)
		if err != nil {
			return fmt.Errorf("before %s is killed: %w", victim, err)
		}
		at := time.Now()
		if err := c.crash(ctx, victim); err != nil {
			return err
		}
		if err := c.healthIs(ctx, 200, `"status":"healthy"`); err != nil {
			return fmt.Errorf("after %s was killed: %w", victim, err)
		}
		back := time.Since(at)
		if err := c.more(ctx, 300); err != nil {
			return fmt.Errorf("after %s was killed: %w", victim, err)
		}
		if err := recovers(); err != nil {
			return fmt.Errorf("after %s was killed: %w", victim, err)
		}
		fmt.Printf("     %s killed: healthy again after %.1f s, %d acknowledged so far\n", victim, back.Seconds(), c.load.acknowledged())
	}
	return c.healthy(ctx)
}

// outage stops NATS for some time: the stack says so and acknowledges nothing.
func (c *check) outage(ctx context.Context, long time.Duration) error {
	recovers, err := c.raise(ctx)
	if err != nil {
		return err
	}
	if _, err := c.composed(ctx, "stop", "nats"); err != nil {
		return err
	}
	before := c.load.acknowledged()
	if err := c.healthIs(ctx, 503, "unhealthy"); err != nil {
		return err
	}
	for _, name := range []string{"ingest", "aggregator", "alerter"} {
		one, err := c.inspect(ctx, name)
		if err != nil {
			return err
		}
		if _, err := command(ctx, c.docker, "exec", one.ID, "/weir", "healthcheck"); err == nil || !strings.Contains(err.Error(), "unhealthy") {
			return fmt.Errorf("weir healthcheck in %s while NATS is away: %w", name, err)
		}
	}
	select {
	case <-time.After(long):
	case <-ctx.Done():
		return ctx.Err()
	}
	if now := c.load.acknowledged(); now != before {
		return fmt.Errorf("%d numbers were acknowledged while NATS was away", now-before)
	}
	for _, name := range services[1:] {
		one, err := c.inspect(ctx, name)
		if err != nil {
			return err
		}
		if one.State.Status != "running" {
			return fmt.Errorf("%s is %s while NATS is away", name, one.State.Status)
		}
	}
	at := time.Now()
	if _, err := c.composed(ctx, "start", "nats"); err != nil {
		return err
	}
	if err := c.healthIs(ctx, 200, `"status":"healthy"`); err != nil {
		return err
	}
	fmt.Printf("     healthy again %.1f s after NATS was started\n", time.Since(at).Seconds())
	if err := c.more(ctx, 300); err != nil {
		return err
	}
	return errors.Join(recovers(), c.healthy(ctx))
}

// wrongOrder stops everything and starts the readers first, NATS last.
func (c *check) wrongOrder(ctx context.Context) error {
	if _, err := c.composed(ctx, append([]string{"stop"}, services...)...); err != nil {
		return err
	}
	for _, name := range []string{"query", "alerter", "aggregator", "ingest"} {
		one, err := c.inspect(ctx, name)
		if err != nil {
			return err
		}
		began := time.Now()
		if _, err := command(ctx, c.docker, "start", one.ID); err != nil {
			return err
		}
		err = eventually(ctx, name+" says that it waits", func() error {
			if text, err := c.logsSince(ctx, one.ID, began); err != nil || !strings.Contains(text, "waiting for NATS") {
				return fmt.Errorf("its log: %s %w", text, err)
			}
			_, err := command(ctx, c.docker, "exec", one.ID, "/weir", "healthcheck")
			if err == nil || !strings.Contains(err.Error(), "unhealthy") {
				return fmt.Errorf("weir healthcheck: %w", err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	one, err := c.inspect(ctx, "nats")
	if err != nil {
		return err
	}
	if _, err := command(ctx, c.docker, "start", one.ID); err != nil {
		return err
	}
	if err := c.healthIs(ctx, 200, `"status":"healthy"`); err != nil {
		return err
	}
	return errors.Join(c.more(ctx, 300), c.healthy(ctx))
}

// verify folds the journal anew and compares it with the aggregator's volume.
func (c *check) verify(ctx context.Context) error {
	if _, err := c.composed(ctx, "stop", "aggregator"); err != nil {
		return err
	}
	out, err := c.composed(ctx, "run", "--rm", "--no-deps", "-T", "aggregator", "verify")
	if err != nil {
		return err
	}
	fmt.Println("     " + strings.TrimSpace(out))
	if _, err := c.composed(ctx, "start", "aggregator"); err != nil {
		return err
	}
	return c.healthy(ctx)
}
