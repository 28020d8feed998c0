//go:build !unix

package cli

import (
	"context"
	"os"
)

// keyboards: a read of a console cannot be given up here, so keys are left alone; Ctrl-C
// ends the command as any other.
const keyboards = false

func (t *terminal) readKeys(context.Context, func(key)) error { return nil }

func signals() (changed <-chan os.Signal, ending func()) { return nil, func() {} }

func continued(os.Signal) bool { return false }

func goodbyes() []os.Signal { return nil }

func suspend(context.Context, <-chan os.Signal) {}
