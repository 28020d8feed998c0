package rawclient

import (
	"fmt"
	"time"

	"github.com/roster-sd/roster/wire"
)

// Registration is that of a usual instance, as long for each i.
func Registration(service, id string, i int, ttl time.Duration) wire.Registration {
	millis := ttl.Milliseconds()
	return wire.Registration{
		ServiceName: service, InstanceID: id,
		Address: fmt.Sprintf("10.20.%03d.%03d", 100+i/100%100, 100+i%100), Port: 20000 + i%10_000,
		Protocol: "http", Version: "1.4.2", Env: "prod", Zone: "eu-west-1a",
		Tags:     []string{"primary", "canary"},
		Metadata: map[string]string{"commit": "3f2a9c1", "team": "payments"},
		TTL:      &millis,
	}
}
