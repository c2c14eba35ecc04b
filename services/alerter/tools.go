package alerter

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/amconfig"
	"weir/services/alerter/internal/notify"
	"weir/services/alerter/internal/notify/notice"
	"weir/services/alerter/internal/notify/render"
	"weir/services/alerter/internal/route"
	"weir/services/alerter/internal/ruletest"
)

// ErrFaults is what a check returns after it has printed the faults it found.
var ErrFaults = ruletest.ErrFaults

// CheckRules reads rule files, and those in directories among them, and prints
// how many rules each has, or its faults with their lines.
func CheckRules(files []string, out io.Writer) error {
	return ruletest.Check(files, out)
}

// TestRules runs the unit tests in files of promtool's format and prints what
// came of each.
func TestRules(files []string, out io.Writer) error {
	ok, err := ruletest.Run(files, out)
	if err == nil && !ok {
		return ErrFaults
	}
	return err
}

// CheckRoutes reads Alertmanager's configuration and prints what it has, and
// who gets an alert with the labels, each written name=value, if there are any.
// Secrets that are not there are no fault: they may be where weir runs. Templates
// that cannot be parsed are one, as for amtool.
func CheckRoutes(file string, labels []string, out io.Writer) error {
	config, err := routesFile(file)
	if err != nil {
		return err
	}
	router, err := route.New(config, route.Options{})
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	set, err := labelSet(labels)
	if err != nil {
		return err
	}
	if _, err := render.Load(config.Templates); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	integrations, err := notify.Build(config, notify.Options{})
	notify.CloseIdle(integrations)
	if err != nil {
		fmt.Fprintf(out, "weir would not start here with it: %v\n", err)
	}
	if len(set) > 0 {
		_, err = fmt.Fprintf(out, "%s goes to %s\n", set, strings.Join(router.Receivers(set), ", "))
		return err
	}
	_, err = fmt.Fprintf(out, "%s is good: %d receivers, %d inhibition rules, %d time intervals\n",
		file, len(config.Receivers), len(config.InhibitRules), len(config.TimeIntervals))
	return err
}

func labelSet(labels []string) (model.LabelSet, error) {
	set := model.LabelSet{}
	for _, l := range labels {
		name, value, found := strings.Cut(l, "=")
		if !found || !model.UTF8Validation.IsValidLabelName(name) {
			return nil, fmt.Errorf("%q is no label: expected name=value", l)
		}
		set[model.LabelName(name)] = model.LabelValue(strings.Trim(value, `"`))
	}
	return set, nil
}

// TestReceiver sends an alert that fires, and then is resolved, to each
// integration of a receiver, and prints what each said.
func TestReceiver(ctx context.Context, file, receiver, externalURL string, out io.Writer) error {
	config, err := routesFile(file)
	if err != nil {
		return err
	}
	all, err := notify.Build(config, notify.Options{})
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	defer notify.CloseIdle(all)
	integrations, known := all[receiver]
	if !known {
		return fmt.Errorf("%s has no receiver %q: it has %s", file, receiver, strings.Join(receiverNames(config), ", "))
	}
	if len(integrations) == 0 {
		return fmt.Errorf("receiver %q has nobody to tell: its notices only go to the log", receiver)
	}
	failed := false
	for i, integration := range integrations {
		for _, message := range notify.Trial(receiver, externalURL, time.Now()) {
			news := "firing"
			if len(message.Resolved) > 0 {
				news = "resolved"
				if !integration.SendResolved() {
					continue
				}
			}
			said := "sent"
			if err := integration.Send(ctx, message); err != nil {
				failed, said = true, "FAILED: "+err.Error()
			}
			if _, err := fmt.Fprintf(out, "%s %-8s %s\n", notice.Key(integrations, i), news, said); err != nil {
				return err
			}
		}
	}
	if failed {
		return ErrFaults
	}
	return nil
}

func receiverNames(c *amconfig.Config) []string {
	var names []string
	for _, r := range c.Receivers {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return names
}
