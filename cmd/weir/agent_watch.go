package main

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"weir/devices/agent"
	"weir/devices/agent/profile"
)

// agentWatchCmd measures what runs.
type agentWatchCmd struct {
	agentFlags
	profileFlags
	PID       []int32 `name:"pid" xor:"target" placeholder:"N" help:"Process; may be repeated, each is a task."`
	Name      string  `xor:"target" help:"All processes whose program has this name, also later ones, as one task."`
	Cgroup    string  `xor:"target" placeholder:"PATH" help:"All processes of a control group, as one task (Linux)."`
	Container string  `xor:"target" placeholder:"ID" help:"All processes of a container, as one task (Linux)."`
	Tree      bool    `help:"The processes that a --pid starts belong to its task."`
	Each      bool    `help:"Each process of the name, control group or container is a task of its own."`
}

// Help explains the command with examples.
func (agentWatchCmd) Help() string {
	return `Measures processes that run already, until they have ended or Ctrl-C. On a terminal it shows one screen; --print writes a line for each sample. Processes of a name may come and go. A control group is accounted by the kernel, with the processes that have ended; it and containers need Linux. Set HOST_PROC where another machine's /proc is mounted.

Examples:

    weir agent watch --pid 4711 --tree
    weir agent watch --name nginx --profile api
    weir agent watch --container 3f4e8a1b9c2d
    weir agent watch --cgroup /system.slice/postgresql.service --each --print`
}

// Run measures until what is watched has ended, or a signal comes.
func (c *agentWatchCmd) Run(s *session) error {
	p, err := c.choose()
	if err != nil {
		return usage(err)
	}
	settings, err := c.config(s)
	if err != nil {
		return err
	}
	targets, err := c.targets()
	if err != nil {
		return err
	}
	c.show(s, &settings)
	ids := agentIDs{log: settings.Logger}
	defer ids.release()
	settings, tasks, err := c.tasks(s.ctx, &ids, settings, targets)
	if err != nil {
		return err
	}
	a, err := begin(s, settings, false)
	if err != nil {
		return err
	}
	if !p.ExportToMQTT && settings.Broker != "" {
		settings.Logger.Info("the monitoring profile does not export to MQTT: the samples are not published")
	}
	return errors.Join(c.watch(s.ctx, a, tasks, p), a.StopWithin())
}

func (c *agentWatchCmd) targets() ([]agent.Target, error) {
	switch {
	case c.Each && len(c.PID) > 0:
		return nil, usage(errors.New("--each is for --name, --cgroup and --container: each --pid is a task anyway"))
	case len(c.PID) > 1 && c.TaskID != "":
		return nil, usage(errors.New("--task-id is for one task, and each --pid is one"))
	case c.Name != "":
		return []agent.Target{{Name: c.Name}}, nil
	case c.Cgroup != "":
		return []agent.Target{{Cgroup: c.Cgroup}}, nil
	case c.Container != "":
		t, err := agent.Container(c.Container)
		return []agent.Target{t}, err
	case len(c.PID) == 0:
		return nil, usage(errors.New("nothing to watch: expected --pid, --name, --cgroup or --container"))
	}
	var targets []agent.Target
	for _, pid := range c.PID {
		targets = append(targets, agent.Target{PID: pid, Tree: c.Tree})
	}
	return targets, nil
}

// watchedTask is a target with its id; of each process of a target, what the ids
// begin with.
type watchedTask struct {
	id     string
	target agent.Target
	err    error // it is not there
}

// tasks gives the targets their ids, and the settings that of the proplet. The
// error says that the first target is not there.
func (c *agentWatchCmd) tasks(ctx context.Context, ids *agentIDs, settings agent.Config, targets []agent.Target) (agent.Config, []watchedTask, error) {
	var tasks []watchedTask
	for _, t := range targets {
		label, err := t.Label(ctx)
		if err != nil && len(tasks) == 0 {
			return settings, nil, err
		}
		task := watchedTask{target: t, err: err}
		if err == nil {
			settings, task.id = ids.of(settings, c.TaskID, label)
			settings.SpoolPart = cmp.Or(settings.SpoolPart, task.id)
		}
		if c.Each && c.TaskID == "" {
			number := strings.TrimPrefix(task.id, agent.Hostname()+"-"+label) // "", or -2
			task.id = agent.Hostname() + number
		}
		tasks = append(tasks, task)
	}
	return settings, tasks, nil
}

// watch measures the tasks side by side until all have ended.
func (c *agentWatchCmd) watch(ctx context.Context, a *agent.Agent, tasks []watchedTask, p profile.Profile) error {
	if c.Each {
		return a.WatchEach(ctx, tasks[0].target, tasks[0].id, p)
	}
	ended := make(chan error, len(tasks))
	for _, t := range tasks {
		go func() {
			err := t.err
			if err == nil {
				err = a.Watch(ctx, agent.Task{ID: t.id, Profile: p, Target: t.target})
			}
			ended <- err
		}()
	}
	var err error
	for range tasks {
		err = errors.Join(err, <-ended)
	}
	return err
}

// agentHostCmd reports this machine.
type agentHostCmd struct{ agentFlags }

// Help explains the command with examples.
func (agentHostCmd) Help() string {
	return `Reports this machine as a proplet, until Ctrl-C: the processor time of all cores, the percentage of them that is used, and the memory in use. There is no heap, so nothing is said of one.

Examples:

    weir agent host
    weir agent host --broker tcp://weir.example:1883 --domain plant --channel line1 --tag edge --location "hall 3"`
}

// Run reports until a signal comes.
func (c *agentHostCmd) Run(s *session) error {
	settings, err := c.config(s)
	if err != nil {
		return err
	}
	c.show(s, &settings)
	ids := agentIDs{log: settings.Logger}
	defer ids.release()
	if settings.PropletID == "" && settings.ClientID == "" {
		settings.PropletID = ids.claim(agent.Hostname())
	}
	settings.SpoolPart = cmp.Or(settings.PropletID, settings.ClientID)
	a, err := begin(s, settings, true)
	if err != nil {
		return err
	}
	<-s.ctx.Done()
	return a.StopWithin()
}
