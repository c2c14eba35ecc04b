// The program natsserver is a NATS server for the image with which the compose
// stack is tested where no image can be pulled. Under the name wget it asks a URL,
// as the official image's wget does for the health check.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

func main() {
	err := run(filepath.Base(os.Args[0]), os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(name string, args []string) error {
	if name == "wget" && len(args) > 0 {
		return get(args[len(args)-1])
	}
	if len(args) == 1 && args[0] == "--version" {
		_, err := fmt.Println("nats-server:", server.VERSION)
		return err
	}
	options := &server.Options{}
	if len(args) != 2 || args[0] != "--config" {
		return fmt.Errorf("expected --config FILE, not %q", args)
	}
	if err := options.ProcessConfigFile(args[1]); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	s, err := server.NewServer(options)
	if err != nil {
		return fmt.Errorf("make the server: %w", err)
	}
	s.ConfigureLogger()
	if err := server.Run(s); err != nil {
		return fmt.Errorf("run the server: %w", err)
	}
	s.WaitForShutdown()
	return nil
}

// get fails unless the answer is good.
func get(url string) error {
	client := http.Client{Timeout: 3 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, resp.Status)
	}
	return nil
}
