//go:build !unix

package cli

import "os"

// passedOn: elsewhere a console sends its one signal to all programs in it.
func passedOn() []os.Signal { return []os.Signal{os.Interrupt} }

func terminalSends(os.Signal) bool { return true }

func asksToEnd(os.Signal) bool { return true }

// politeEnd: there is no way to ask.
var politeEnd os.Signal = os.Kill
