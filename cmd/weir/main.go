// Command weir measures fleets: devices publish over MQTT, every message is
// journaled before it is acknowledged, and all numbers are folded from the
// journal. `weir --help` says how to use it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		cancel() // stop in order
		<-signals
		os.Exit(exitKilled) // at once: whoever signals twice does not want to wait
	}()
	hangUp := make(chan os.Signal, 1)
	signal.Notify(hangUp, syscall.SIGHUP)
	os.Exit(run(ctx, hangUp, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
