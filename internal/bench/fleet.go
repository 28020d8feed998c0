package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roster-sd/roster/wire"
)

// Fleet is the instances that the harness registered with one server, and their tokens.
type Fleet struct {
	api     *API
	members map[string][]Registered // by service
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
	f := &Fleet{api: api, members: map[string][]Registered{}}
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
	ttl := fleetTTL.Milliseconds()
	in := wire.Registration{
		ServiceName: name,
		InstanceID:  fmt.Sprintf("%s-%05d", name, i),
		Address:     fmt.Sprintf("10.20.%03d.%03d", 100+i/100, 100+i%100),
		Port:        20000 + i,
		Protocol:    "http", Version: "1.4.2", Env: "prod", Zone: "eu-west-1a",
		Tags:     []string{"primary", "canary"},
		Metadata: map[string]string{"commit": "3f2a9c1", "team": "payments"},
		TTL:      &ttl,
	}
	var out wire.Registered
	if err := api.post(ctx, "/registry/register", in, &out); err != nil {
		return Registered{}, err
	}
	if out.TTL < ttl || out.Token == "" {
		return Registered{}, fmt.Errorf("register %s: granted %d ms of %d, token of %d bytes", in.InstanceID, out.TTL, ttl, len(out.Token))
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

// Renew renews every instance, and fails if the server lost any.
func (f *Fleet) Renew(ctx context.Context) error {
	var items []wire.HeartbeatItem
	for _, members := range f.members {
		for _, m := range members {
			items = append(items, wire.HeartbeatItem{ServiceName: m.Service, InstanceID: m.ID, Token: m.Token})
		}
	}
	var out wire.HeartbeatResults
	if err := f.api.post(ctx, "/registry/heartbeats", wire.Heartbeats{Items: items}, &out); err != nil {
		return fmt.Errorf("renew fleet: %w", err)
	}
	if len(out.Results) != len(items) {
		return fmt.Errorf("renew fleet: %d results for %d items", len(out.Results), len(items))
	}
	for i, r := range out.Results {
		if r.Status != http.StatusOK {
			return fmt.Errorf("renew fleet: %s: status %d, code %s", items[i].InstanceID, r.Status, r.Code)
		}
	}
	return nil
}

// API is a plain client of a server, for what is not measured.
type API struct {
	Base string // scheme and host
	HTTP *http.Client
}

// post sends in as JSON and decodes an answer of 200 or 201 into out.
func (a *API) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("post %s: %w", path, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.Base+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("post %s: %w", path, err)
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := a.do(req)
	if err != nil {
		return fmt.Errorf("post %s: %w", path, err)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("post %s: %w", path, err)
	}
	return nil
}

// get gives the body of an answer of 200.
func (a *API) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.Base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", path, err)
	}
	answer, err := a.do(req)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", path, err)
	}
	return answer, nil
}

func (a *API) do(req *http.Request) ([]byte, error) {
	resp, err := a.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("status %d: %.300s", resp.StatusCode, body)
	}
	return body, nil
}
