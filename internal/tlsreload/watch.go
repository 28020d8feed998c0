package tlsreload

import (
	"context"

	"github.com/roster-sd/roster/internal/filewatch"
)

// Run takes changes of the files into force until ctx is done, and says in the log what
// is about to expire. It always gives nil.
func (m *Material) Run(ctx context.Context) error { return m.run(ctx, false) }

func (m *Material) run(ctx context.Context, pollOnly bool) error {
	filewatch.Watch{
		Files: []string{m.files.CertFile, m.files.KeyFile, m.files.ClientCAFile, m.files.CRLFile},
		Look: func() {
			m.refresh()
			m.remind(m.now())
		},
		Blind: func(err error) {
			m.log().Warn("TLS files cannot be watched and are only polled", "error", err, "every", filewatch.PollEvery)
		},
		PollOnly: pollOnly,
	}.Run(ctx)
	return nil
}
