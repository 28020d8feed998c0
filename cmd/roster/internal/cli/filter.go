package cli

import (
	"strings"

	"github.com/roster-sd/roster/client"
	"github.com/spf13/cobra"
)

// filterFlags are the flags that choose instances.
type filterFlags struct {
	filter client.Filter
	meta   []string
}

func bindFilter(cmd *cobra.Command) *filterFlags {
	var f filterFlags
	flags := cmd.Flags()
	flags.StringVar(&f.filter.Version, "version", "", "only instances of this version")
	flags.StringVar(&f.filter.Env, "env", "", "only of this environment")
	flags.StringVar(&f.filter.Zone, "zone", "", "only in this zone")
	flags.StringVar(&f.filter.Role, "role", "", "only with this role")
	flags.StringVar(&f.filter.Status, "status", "", "only with this status: "+strings.Join(statuses, ", "))
	flags.StringSliceVar(&f.filter.Tags, "tag", nil, "only with this tag; may be repeated")
	flags.StringArrayVar(&f.meta, "meta", nil, "only with this metadata, KEY=VALUE; may be repeated")
	complete(cmd, "status", statuses...)
	return &f
}

func (f *filterFlags) get() (client.Filter, error) {
	filter := f.filter
	var err error
	filter.Metadata, err = pairs(f.meta)
	return filter, err
}

var statuses = []string{"starting", "up", "draining", "out_of_service"}

// pairs reads KEY=VALUE arguments.
func pairs(list []string) (map[string]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	m := make(map[string]string, len(list))
	for _, item := range list {
		key, value, ok := strings.Cut(item, "=")
		if !ok || key == "" {
			return nil, usagef("--meta %q: want KEY=VALUE", item)
		}
		if _, twice := m[key]; twice {
			return nil, usagef("--meta: %q is given twice", key)
		}
		m[key] = value
	}
	return m, nil
}
