package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/internal/userdir"
)

const (
	stateFlag = "state"
	stateName = "dev.state" // in the user's folder for state
	noState   = "none"
)

func bindState(f *pflag.FlagSet) {
	f.String(stateFlag, "", "file that lets instances survive a restart, or none; the default is "+stateName+" in your folder for state")
}

// placeState says where the local registry keeps its state: where the flag or the variable
// of the configuration says, and otherwise in the user's folder for state. That last one is
// optional: a registry that forgets is better than none, as long as nobody asked for more.
func placeState(f *pflag.FlagSet, cfg *config.Store, log *slog.Logger) (optional bool, err error) {
	if cfg.Backend != config.Memory {
		if f.Changed(stateFlag) {
			return false, usage(fmt.Errorf("--state has no effect with the backend %s", cfg.Backend))
		}
		return false, nil
	}
	if f.Changed(stateFlag) {
		if cfg.Memory.StateFile, err = f.GetString(stateFlag); err != nil {
			return false, err
		}
		if cfg.Memory.StateFile == "" {
			return false, usage(fmt.Errorf("--state: name a file, or %s", noState))
		}
	}
	switch cfg.Memory.StateFile {
	case noState:
		cfg.Memory.StateFile = ""
		return false, nil
	case "":
	default:
		return false, nil
	}
	dir, err := userdir.State()
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		log.Warn("no state file: a restart forgets every instance", "error", err)
		return false, nil
	}
	cfg.Memory.StateFile = filepath.Join(dir, stateName)
	return true, nil
}
