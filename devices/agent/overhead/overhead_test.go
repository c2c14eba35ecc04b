package overhead

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"weir/devices/internal/packet"
	"weir/devices/internal/wire"
)

// childEnv makes this binary an agent that does nothing, or one that fails.
const childEnv = "WEIR_OVERHEAD_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "idle":
		interrupted := make(chan os.Signal, 1)
		signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
		if err := register(os.Args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(4)
		}
		<-interrupted
		os.Exit(0)
	case "fails":
		os.Exit(3)
	}
	goleak.VerifyTestMain(m)
}

// register says a word to the broker that the arguments name, as an agent does.
func register(args []string) error {
	addr := strings.TrimPrefix(args[slices.Index(args, "--broker")+1], "tcp://")
	w, _, err := wire.Dial(context.Background(), new(net.Dialer), addr, packet.Connect{Version: packet.V311, ClientID: "idle", Clean: true}, 64)
	if err != nil {
		return err
	}
	word, _ := packet.AppendPublish(nil, packet.V311, packet.Publish{Topic: "create"})
	_, err = w.Conn.Write(word)
	return err
}

func config(what string, commands *[]string) Config {
	return Config{
		Agent: func(args ...string) (*exec.Cmd, error) {
			*commands = append(*commands, strings.Join(args, " "))
			cmd := exec.Command(os.Args[0], args...)
			cmd.Env = append(os.Environ(), childEnv+"="+what)
			return cmd, nil
		},
		PID: 42, Pace: 20 * time.Millisecond, For: 200 * time.Millisecond, Runs: 1,
	}
}

func TestMeasure(t *testing.T) {
	var commands []string
	var last string
	c := config("idle", &commands)
	c.Progress = func(done, total int) { last = fmt.Sprint(done, total) }
	figures, err := Measure(t.Context(), c)
	if err != nil || last != "10 10" {
		t.Fatalf("%v, %s", err, last)
	}
	var what []string
	for _, f := range figures {
		what = append(what, f.What)
		if f.Samples != 10 || f.CPU < 0 || f.Percent < 0 {
			t.Errorf("figures %+v", f)
		}
	}
	want := []string{"profile standard", "profile minimal", "profile intensive", "profile batch", "profile api", "profile daemon", "0 samples kept", "100 samples kept", "1000 samples kept"}
	if diff := cmp.Diff(want, what); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if len(commands) != 10 || !strings.HasPrefix(commands[0], "--pid 42 --broker tcp://127.0.0.1:") || !strings.HasSuffix(commands[3], "--profile intensive --interval 20ms") {
		t.Errorf("commands %q", commands)
	}
}

func TestMeasureFails(t *testing.T) {
	var commands []string
	if _, err := Measure(t.Context(), config("fails", &commands)); err == nil {
		t.Error("agents that fail are measured")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Measure(ctx, config("idle", &commands)); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
}

func TestFigures(t *testing.T) {
	base := cost{10 * time.Millisecond, 1000}
	tests := []struct {
		name string
		row  row
		got  cost
		want Figures
	}{
		{"a sample's time by the interval is the percentage", row{"a", nil, 10 * time.Second, "c"}, cost{110 * time.Millisecond, 1500}, Figures{"a", 100, time.Millisecond, 0.01, 500, "c"}},
		{"without an interval there is none", row{"b", nil, 0, ""}, cost{110 * time.Millisecond, 900}, Figures{"b", 100, time.Millisecond, 0, -100, ""}},
		{"less than nothing is nothing", row{"c", nil, time.Second, ""}, cost{time.Millisecond, 1000}, Figures{"c", 100, 0, 0, 0, ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.row.figures(base, tt.got, 100)); diff != "" {
				t.Errorf("figures (-want +got):\n%s", diff)
			}
		})
	}
}
