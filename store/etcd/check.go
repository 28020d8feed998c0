package etcd

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/store"
)

// Warning is something about etcd that an operator should know. Name is a short word that
// stays the same.
type Warning struct{ Name, Text string }

// Check looks at etcd and gives what is not as it should be in production. What cannot be
// found out is a warning, too.
func (s *Store) Check(ctx context.Context) []Warning {
	c, err := s.begin(ctx, "check", store.Key{})
	if err != nil {
		return []Warning{{"unknown", err.Error()}}
	}
	defer c.end()
	k := checker{call: c}
	k.exposure()
	client, err := s.link.get(c.ctx)
	if err == nil {
		_, err = c.read()
	}
	if err != nil {
		k.warn("unreachable", "etcd does not answer: %v", c.fail(err))
		return k.out
	}
	k.members(client)
	k.alarms(client)
	k.auth(client)
	k.minimum()
	return k.out
}

// MinTTL asks etcd for the shortest TTL that it grants.
func (s *Store) MinTTL(ctx context.Context) (time.Duration, error) {
	c, err := s.begin(ctx, "minttl", store.Key{})
	if err != nil {
		return 0, err
	}
	defer c.end()
	granted, err := c.shortest()
	if err != nil {
		return 0, c.fail(err)
	}
	return granted, nil
}

func (c *call) shortest() (time.Duration, error) {
	id, granted, err := c.grant(0, store.Key{Kind: "minttl"}, time.Second)
	if err == nil {
		c.s.revoker.later(id)
	}
	return granted, err
}

// checker collects warnings.
type checker struct {
	*call
	out []Warning
}

func (k *checker) warn(name, format string, args ...any) {
	k.out = append(k.out, Warning{name, fmt.Sprintf(format, args...)})
}

// exposure looks at the options alone.
func (k *checker) exposure() {
	for _, e := range k.s.opts.Endpoints {
		if u, err := url.Parse(e); err == nil && u.Scheme == "http" && !loopback(u.Hostname()) {
			k.warn("no-tls", "the connection to %s is not encrypted", e)
			return
		}
	}
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// oldest is the first version whose watches tell their progress reliably.
var oldest = [2]int{3, 5}

func (k *checker) members(client *clientv3.Client) {
	list, err := client.MemberList(k.ctx)
	switch {
	case err != nil:
		k.warn("unknown", "the members of the cluster: %v", k.cause(err))
	case len(list.Members) == 1:
		k.warn("single-member", "the cluster has one member: when that is gone, so is the registry's store; three are usual")
	case len(list.Members)%2 == 0:
		k.warn("even-members", "the cluster has %d members: one fewer would survive as many failures", len(list.Members))
	}
	for _, e := range k.s.opts.Endpoints {
		st, err := client.Status(k.ctx, e)
		switch {
		case err != nil:
			k.warn("endpoint", "%s does not answer: %v", e, k.cause(err))
		case older(st.Version, oldest):
			k.warn("version", "%s runs etcd %s; %d.%d or later is needed", e, st.Version, oldest[0], oldest[1])
		case st.IsLearner:
			k.warn("learner", "%s is a learner and serves no reads that must be up to date", e)
		}
	}
}

// older compares the first two numbers of a version. What is no version is not old.
func older(version string, than [2]int) bool {
	parts := strings.Split(version, ".")
	for i, want := range than {
		if i >= len(parts) {
			return false
		}
		n, err := strconv.Atoi(parts[i])
		if err != nil || n != want {
			return err == nil && n < want
		}
	}
	return false
}

func (k *checker) alarms(client *clientv3.Client) {
	list, err := client.AlarmList(k.ctx)
	if err != nil {
		if !is(err, rpctypes.ErrPermissionDenied) { // it takes root to ask
			k.warn("unknown", "the alarms: %v", k.cause(err))
		}
		return
	}
	for _, a := range list.Alarms {
		switch a.Alarm {
		case pb.AlarmType_NOSPACE:
			k.warn("alarm-nospace", "%v", errQuota)
		case pb.AlarmType_CORRUPT:
			k.warn("alarm-corrupt", "etcd found that its members hold different data (alarm CORRUPT)")
		}
	}
}

func (k *checker) auth(client *clientv3.Client) {
	st, err := client.AuthStatus(k.ctx)
	switch {
	case is(err, rpctypes.ErrPermissionDenied) || is(err, rpctypes.ErrUserEmpty):
		return // only who has turned it on refuses
	case err != nil:
		k.warn("unknown", "whether authentication is on: %v", k.cause(err))
	case !st.Enabled && k.s.opts.Username != "":
		k.warn("auth-off", "a user is configured and authentication is off in etcd: anybody who reaches it can change the registry")
	case !st.Enabled && !k.private():
		k.warn("auth-off", "authentication is off in etcd and no client certificate is used: anybody who reaches it can change the registry")
	}
}

// private tells whether etcd is for this machine alone, or for holders of a certificate.
func (k *checker) private() bool {
	if t := k.s.opts.TLS; t != nil && (len(t.Certificates) > 0 || t.GetClientCertificate != nil) {
		return true
	}
	for _, e := range k.s.opts.Endpoints {
		u, err := url.Parse(e)
		if err != nil {
			return false
		}
		if host, _, err := net.SplitHostPort(u.Host); err != nil || !loopback(host) {
			return false
		}
	}
	return true
}

func (k *checker) minimum() {
	granted, err := k.shortest()
	switch {
	case err != nil:
		k.warn("unknown", "the shortest ttl: %v", k.cause(err))
	case k.s.opts.MinTTL > 0 && granted > k.s.opts.MinTTL:
		k.warn("ttl-minimum", "the shortest ttl that etcd grants is %v (one and a half of its election timeout), longer than the %v that clients may ask for", granted, k.s.opts.MinTTL)
	}
}
