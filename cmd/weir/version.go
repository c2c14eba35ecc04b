package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is the version; a build may set it:
// go build -ldflags '-X main.release=1.2.3'.
var release = "0.1.0"

// version is the release, with what the build information knows of the commit.
func version() string {
	commit, modified := "", false
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				commit = s.Value
			case "vcs.modified":
				modified = s.Value == "true"
			}
		}
	}
	return versionText(release, commit, modified)
}

func versionText(release, commit string, modified bool) string {
	if commit == "" {
		return release
	}
	if modified {
		return fmt.Sprintf("%s+%.12s.modified", release, commit)
	}
	return fmt.Sprintf("%s+%.12s", release, commit)
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(s *session) error {
	_, err := fmt.Fprintf(s.stdout, "weir %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
