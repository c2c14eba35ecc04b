package app

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Addrs are the addresses that a running weir listens on, as host:port; "" for
// a listener that it does not have.
type Addrs struct {
	MQTT     string `json:"mqtt,omitempty"`
	Internal string `json:"internal,omitempty"`
	External string `json:"external,omitempty"`
	Intake   string `json:"intake,omitempty"`
}

// AddrFile is what a file of addresses holds.
type AddrFile struct {
	Addrs
	PID int `json:"pid"`
}

// writeAddrFile writes the file in one step: who finds it finds all of it.
func writeAddrFile(path string, content AddrFile) error {
	data, err := json.Marshal(content)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write the address file: %w", err)
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(append(data, '\n'))
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Chmod(temporary.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the address file: %w", err)
	}
	return nil
}

// ReadAddrFile reads what a running weir wrote.
func ReadAddrFile(path string) (AddrFile, error) {
	var content AddrFile
	data, err := os.ReadFile(path)
	if err != nil {
		return content, fmt.Errorf("read the address file: %w", err)
	}
	if err := json.Unmarshal(data, &content); err != nil {
		return content, fmt.Errorf("read the address file %s: %w", path, err)
	}
	return content, nil
}

// removeAddrFile removes a file of addresses. One that never was is fine.
func removeAddrFile(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove the address file: %w", err)
	}
	return nil
}
