package agent

import "os"

// Forwarded are the signals that are handed on to a command: Ctrl-C, which the
// console gives to the command as well.
func Forwarded() []os.Signal { return []os.Signal{os.Interrupt} }

// deliver does nothing: the console has told the command already, and Windows
// has no other signals.
func deliver(*os.Process, os.Signal) {}

func terminate(p *os.Process) error { return p.Kill() }

// exitCode is the code to end with where a command ended so.
func exitCode(s *os.ProcessState) int { return s.ExitCode() }
