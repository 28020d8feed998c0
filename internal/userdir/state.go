package userdir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// State gives the folder for this user's state of Roster:
//
//   - $XDG_STATE_HOME/roster where that variable is an absolute path, on every system;
//   - ~/Library/Application Support/roster on macOS;
//   - %LocalAppData%\roster on Windows;
//   - ~/.local/state/roster elsewhere.
//
// It does not create the folder, and may be called from anywhere. A relative XDG_STATE_HOME
// is ignored, as the XDG Base Directory Specification says. The error is for an environment
// that names no home folder, or one that is not there: accounts of services often have
// /nonexistent, and to make it would surprise.
func State() (string, error) {
	return state(runtime.GOOS, os.Getenv)
}

func state(system string, getenv func(string) string) (string, error) {
	if base := getenv("XDG_STATE_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "roster"), nil
	}
	if system == "windows" {
		base := getenv("LocalAppData")
		if base == "" {
			return "", errors.New("userdir: the environment has no LocalAppData; set it, or XDG_STATE_HOME")
		}
		return filepath.Join(base, "roster"), nil
	}
	home := getenv("HOME")
	if !filepath.IsAbs(home) {
		return "", fmt.Errorf("userdir: HOME is %q, not an absolute path; set it, or XDG_STATE_HOME", home)
	}
	if info, err := os.Stat(home); err != nil || !info.IsDir() {
		return "", fmt.Errorf("userdir: HOME is %s, and there is no such folder; set it, or XDG_STATE_HOME", home)
	}
	if system == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "roster"), nil
	}
	return filepath.Join(home, ".local", "state", "roster"), nil
}
