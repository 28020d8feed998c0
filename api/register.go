package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

func (a *API) register(c *gin.Context) {
	who, ok := a.caller(c)
	if !ok {
		return
	}
	reg, err := a.readRegistration(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	reg.Token = token(c)
	out, err := a.reg.Register(c.Request.Context(), who, reg)
	if err != nil {
		a.fail(c, err)
		return
	}
	p := scratch.Get().(*[]byte)
	b := append((*p)[:0], `{"instance":`...)
	b = a.reg.Catalog().Item(out.Record, out.Record.RegisteredAt).AppendJSON(b)
	b = appendText(append(b, ','), "token", out.Token)
	b = appendNumber(b, "tokenExpiresAt", int64(out.TokenExpires))
	b = append(appendNumber(b, "ttl", out.Record.TTL.Milliseconds()), '}')
	status := http.StatusOK
	if out.Created {
		status = http.StatusCreated
		c.Header("Location", "/registry/services/"+out.Record.Key.Service+"/"+out.Record.Key.ID)
	}
	a.secret(c)
	a.json(c, status, b)
	keepScratch(p, b)
}

// secret marks an answer that holds a token.
func (a *API) secret(c *gin.Context) { c.Writer.Header()["Cache-Control"] = noStore }

var noStore = []string{"no-store"}

// json answers a body that was put together by hand.
func (a *API) json(c *gin.Context, status int, b []byte) {
	a.revision(c)
	a.write(c, status, contentTypeJSON, b)
}

// write answers a body. It is Gin's Data without its garbage, and tells the length of a
// body that the server would send in chunks for want of it.
func (a *API) write(c *gin.Context, status int, contentType []string, b []byte) {
	h := c.Writer.Header()
	h["Content-Type"] = contentType
	if len(b) >= 2048 {
		h["Content-Length"] = []string{strconv.Itoa(len(b))}
	}
	c.Writer.WriteHeader(status)
	// A caller that is gone needs no answer.
	_, _ = c.Writer.Write(b)
}

// The media types of answers, as header values that are shared.
var (
	contentTypeJSON    = []string{"application/json; charset=utf-8"}
	contentTypeProblem = []string{wire.ContentTypeProblem}
	contentTypeYAML    = []string{"application/yaml"}
)

// The rules of the numbers, as they are told.
const (
	rulePort   = "must be an integer from 1 to 65535"
	ruleWeight = "must be an integer from 1 to 10000"
	rulePID    = "must be an integer from 1 to 2147483647"
	ruleTTL    = "must be an integer of milliseconds, from 1 to the maximum TTL"
	ruleAddr   = "must be an IP address or a DNS name"
)

// readRegistration reads the body of a registration. Whatever is wrong with it, of what
// JSON can say and of what the registry's rules say, is told at once.
func (a *API) readRegistration(c *gin.Context) (registry.Registration, error) {
	b, err := read(c, maxBody)
	if err != nil {
		return registry.Registration{}, err
	}
	defer b.release()
	reg := registry.Registration{Instance: store.Instance{Status: store.StatusUp, Weight: 100}}
	in := &reg.Instance
	var f fields
	var given []string // the names under which the address was given
	var n int64
	err = b.document(func(name string, dec *jsontext.Decoder) error {
		switch name {
		case "serviceName":
			return f.text(name, dec, &reg.Service)
		case "instanceId":
			before := len(f.errs)
			err := f.text(name, dec, &reg.ID)
			if reg.ID == "" && err == nil && len(f.errs) == before {
				f.add(name, "must not be empty; leave it out to have one made")
			}
			return err
		case "address", "ip", "host":
			given = append(given, name)
			before := len(f.errs)
			err := f.text(name, dec, &in.Address)
			if in.Address == "" && err == nil && len(f.errs) == before {
				f.add(name, "must not be empty; leave it out to have the caller's own taken")
			}
			return err
		case "port":
			n = 1 // what is told of a bad value is told once, here
			err := f.number(name, dec, 1, 65535, rulePort, &n)
			in.Port = uint16(n)
			return err
		case "weight":
			n = 1
			err := f.number(name, dec, 1, 10_000, ruleWeight, &n)
			in.Weight = uint16(n)
			return err
		case "pid":
			n = 1
			err := f.number(name, dec, 1, 1<<31-1, rulePID, &n)
			in.PID = int(n)
			return err
		case "ttl":
			// Beyond what a time.Duration holds is beyond any maximum.
			before := len(f.errs)
			err := f.number(name, dec, 1, int64(1<<63-1)/int64(time.Millisecond), ruleTTL, &n)
			if len(f.errs) == before {
				reg.TTL, reg.HasTTL = time.Duration(n)*time.Millisecond, true
			}
			return err
		case "status":
			return f.text(name, dec, &in.Status)
		case "protocol":
			return f.text(name, dec, &in.Protocol)
		case "version":
			return f.text(name, dec, &in.Version)
		case "env":
			return f.text(name, dec, &in.Env)
		case "zone":
			return f.text(name, dec, &in.Zone)
		case "role":
			return f.text(name, dec, &in.Role)
		case "check":
			return f.check(name, dec, &in.Check)
		case "tags":
			return f.texts(name, dec, &in.Tags)
		case "metadata":
			return f.members(name, dec, false, func(key string, value *string) {
				in.Metadata = append(in.Metadata, store.Pair{Key: key, Value: *value})
			})
		}
		return f.unknown(name, dec)
	})
	if err != nil {
		return reg, err
	}
	registry.SortMetadata(in.Metadata)
	switch {
	case len(given) > 1:
		f.add("address", "must be given once: "+given[0]+" and "+given[1]+" name the same")
	case len(given) == 1 && given[0] != "address" && in.Address != "" && !registry.ValidAddress(in.Address):
		// The registry would tell it of "address", which the caller did not send.
		f.add(given[0], ruleAddr)
	}
	// The registry tells its rules again when it registers; here they join what JSON
	// itself got wrong, unless that was told of the same field.
	if len(f.errs) > 0 {
		for _, e := range a.reg.Check(&reg) {
			if !f.told(e.Field) {
				f.add(e.Field, e.Message)
			}
		}
	}
	return reg, f.err()
}

// told tells whether something is noted of the field already.
func (f *fields) told(field string) bool {
	for _, e := range f.errs {
		if e.Field == field || field == "address" && (e.Field == "ip" || e.Field == "host") {
			return true
		}
	}
	return false
}

// marshal is for answers that are not worth putting together by hand.
func marshal(v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic("api: encode answer: " + err.Error())
	}
	return b
}
