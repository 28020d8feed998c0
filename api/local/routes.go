package local

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/internal/requestid"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
)

// found is the answer that holds an instance, null where there is none.
type found struct {
	OK       bool      `json:"ok"`
	Instance *instance `json:"instance"`
}

type done struct {
	OK bool `json:"ok"`
}

func (s *Surface) register(c *gin.Context) {
	req, err := read(c, s.check, "name", "port")
	if err != nil {
		fail(c, err)
		return
	}
	if req.id == "" {
		req.id = makeID(req.name, req.address(), req.port)
	}
	out, err := s.reg.Register(c.Request.Context(), s.from(c), s.registration(req))
	if err != nil {
		fail(c, err)
		return
	}
	answer(c, http.StatusOK, found{true, show(out.Record, out.Record.RegisteredAt)})
}

func (s *Surface) check(req *request) []registry.FieldError {
	reg := s.registration(req)
	return s.reg.Check(&reg)
}

func (s *Surface) registration(req *request) registry.Registration {
	return registry.Registration{
		Service: req.name,
		ID:      req.id,
		TTL:     s.ttl,
		HasTTL:  true,
		Instance: store.Instance{
			Address:  req.address(),
			Port:     uint16(req.port),
			PID:      int(req.pid),
			Weight:   100,
			Status:   store.StatusUp,
			Metadata: metadataOf(req.meta),
			Meta:     string(req.meta),
		},
	}
}

func (r *request) address() string {
	if r.host == "" {
		return "127.0.0.1"
	}
	return r.host
}

// makeID makes an ID like 127.0.0.1:3001:839212, or, where a host cannot stand in an ID,
// one like those of the native surface.
func makeID(service, host string, port int64) string {
	id := fmt.Sprintf("%s:%d:%d", host, port, 100_000+rand.IntN(900_000))
	if !registry.ValidInstanceID(id) {
		return registry.MakeID(service)
	}
	return id
}

func (s *Surface) from(c *gin.Context) registry.Caller {
	who := s.caller
	who.From, who.Request = c.RemoteIP(), requestid.Answer(c.Writer.Header())
	return who
}

func (s *Surface) heartbeat(c *gin.Context) {
	req, err := read(c, checkRef, "name", "id")
	if err != nil {
		fail(c, err)
		return
	}
	_, err = s.reg.Heartbeat(c.Request.Context(), s.from(c), registry.Beat{Service: req.name, ID: req.id})
	switch registry.CodeOf(err) {
	case registry.NotFound, registry.LeaseLost:
		answer(c, http.StatusOK, found{OK: true})
		return
	}
	if err != nil {
		fail(c, err)
		return
	}
	item, _, err := s.reg.Instance(c.Request.Context(), s.from(c), req.name, req.id, false)
	if err != nil {
		answer(c, http.StatusOK, found{OK: true})
		return
	}
	answer(c, http.StatusOK, found{true, showItem(item)})
}

func checkRef(req *request) []registry.FieldError { return registry.CheckRef(req.name, req.id) }

// checkTarget checks the names of an instance that may be named by its address instead.
func checkTarget(req *request) []registry.FieldError {
	if req.id == "" {
		return registry.CheckRef(req.name, "any")
	}
	return checkRef(req)
}

func (s *Surface) unregister(c *gin.Context) {
	req, err := read(c, checkTarget, "name")
	if err == nil && req.id == "" && !req.has("port") {
		err = bad("id, or port with or without host, must say which instance")
	}
	if err != nil {
		fail(c, err)
		return
	}
	ids := []string{req.id}
	if req.id == "" {
		if ids, err = s.at(c, req); err != nil {
			fail(c, err)
			return
		}
	}
	gone := false
	for _, id := range ids {
		_, err := s.reg.Deregister(c.Request.Context(), s.from(c), req.name, id, "", registry.Removal{})
		switch code := registry.CodeOf(err); {
		case err == nil:
			gone = true
		case code != registry.NotFound && code != registry.LeaseLost:
			fail(c, err)
			return
		}
	}
	answer(c, http.StatusOK, done{gone})
}

// at finds the instances of a service at a port, and a host if one was given.
func (s *Surface) at(c *gin.Context, req *request) ([]string, error) {
	view, err := s.reg.Service(c.Request.Context(), s.from(c), req.name, false)
	if err != nil {
		return nil, err
	}
	var ids []string
	for item := range view.Items("") {
		in := &item.Record().Instance
		if int64(in.Port) == req.port && (req.host == "" || in.Address == req.host) {
			ids = append(ids, item.ID())
		}
	}
	return ids, nil
}

func (s *Surface) resolve(c *gin.Context) {
	name := c.Param("name")
	out, err := s.reg.Resolve(c.Request.Context(), s.from(c), name, catalog.Choice{Strategy: catalog.Recent}, false)
	if none(err) {
		answer(c, http.StatusNotFound, refusal{Error: "not_found"})
		return
	}
	if err != nil {
		fail(c, err)
		return
	}
	answer(c, http.StatusOK, found{true, showItem(out.Item)})
}

// none tells whether the error of a resolve says that there is nothing to give: no
// instance, or none that is up. That nothing could be asked is another matter, and has a
// cause.
func none(err error) bool {
	var use *registry.Error
	return errors.As(err, &use) && use.Cause == nil && (use.Code == registry.NotFound || use.Code == registry.Unavailable)
}

func (s *Surface) list(c *gin.Context) {
	who := s.from(c)
	lines, _, _, err := s.reg.Services(c.Request.Context(), who, false)
	if err != nil {
		fail(c, err)
		return
	}
	services := make(map[string][]*instance, len(lines))
	for _, line := range lines {
		view, err := s.reg.Service(c.Request.Context(), who, line.Name, false)
		if err != nil {
			fail(c, err)
			return
		}
		for item := range view.Items("") {
			in := showItem(item)
			in.Name = ""
			services[line.Name] = append(services[line.Name], in)
		}
	}
	answer(c, http.StatusOK, struct {
		OK       bool                   `json:"ok"`
		Services map[string][]*instance `json:"services"`
	}{true, services})
}
