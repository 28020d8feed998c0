package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roster-sd/roster/internal/bench/rawclient"
	"github.com/roster-sd/roster/wire"
)

// Fleet is the instances that the harness registered with one server, and their tokens.
type Fleet struct {
	api     *API
	members map[string][]Registered // by service
	renewed time.Time               // or registered, the first of them
}

// Registered is an instance of the fleet.
type Registered struct {
	Service, ID, Token string
	Heartbeat          []byte // body of its heartbeat
}

// fleetTTL is the TTL of the instances: longer than what passes between two renewals,
// which stand before each case.
const fleetTTL = 10 * time.Minute

// Enlist registers what the cases need, several at a time.
func Enlist(ctx context.Context, api *API, cases []Case) (*Fleet, error) {
	f := &Fleet{api: api, members: map[string][]Registered{}, renewed: time.Now()}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for _, c := range cases {
		for n := range c.Services {
			name := service(c.Instances, n)
			if f.members[name] != nil {
				continue
			}
			members := make([]Registered, c.Instances)
			f.members[name] = members
			for i := range members {
				group.Go(func() (err error) {
					members[i], err = enlist(ctx, api, name, i)
					return err
				})
			}
		}
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("enlist: %w", err)
	}
	return f, nil
}

// enlist registers the ith instance of a service. Its fields are those of a usual one,
// and as long for each i.
func enlist(ctx context.Context, api *API, name string, i int) (Registered, error) {
	in := rawclient.Registration(name, fmt.Sprintf("%s-%05d", name, i), i, fleetTTL)
	var out wire.Registered
	if err := api.post(ctx, "/registry/register", in, &out); err != nil {
		return Registered{}, err
	}
	if out.TTL < *in.TTL || out.Token == "" {
		return Registered{}, fmt.Errorf("register %s: granted %d ms of %d, token of %d bytes", in.InstanceID, out.TTL, *in.TTL, len(out.Token))
	}
	beat, err := json.Marshal(wire.InstanceRef{ServiceName: name, InstanceID: in.InstanceID})
	if err != nil {
		return Registered{}, fmt.Errorf("register %s: %w", in.InstanceID, err)
	}
	return Registered{Service: name, ID: in.InstanceID, Token: out.Token, Heartbeat: beat}, nil
}

// Of gives the instances of a service.
func (f *Fleet) Of(service string) []Registered { return f.members[service] }

// Size is how many instances the fleet has.
func (f *Fleet) Size() int {
	n := 0
	for _, members := range f.members {
		n += len(members)
	}
	return n
}

// renewEvery is how old a fleet's last renewal may be when a round begins.
const renewEvery = 2 * time.Minute

// RenewIfDue renews every instance if it is time.
func (f *Fleet) RenewIfDue(ctx context.Context) error {
	if time.Since(f.renewed) < renewEvery {
		return nil
	}
	return f.Renew(ctx)
}

// Renew renews every instance, and fails if the server lost any.
func (f *Fleet) Renew(ctx context.Context) error {
	f.renewed = time.Now()
	var all []Registered
	for _, members := range f.members {
		all = append(all, members...)
	}
	_, err := f.api.renew(ctx, all)
	return err
}
