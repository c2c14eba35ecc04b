package intake

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"weir/pkg/schema"
	"weir/pkg/schema/pushtopic"
)

// The headers by which FIWARE's clients name their tenant and follow a
// transaction.
const (
	serviceHeader     = "Fiware-Service"
	servicePathHeader = "Fiware-Servicepath"
	correlatorHeader  = "Fiware-Correlator"
)

// request is a request being served.
type request struct {
	*http.Request
	query url.Values
	user  string // "" for none

	body     *incoming          // nil until it is read
	patience context.Context    // for what follows its arrival; nil before
	giveUp   context.CancelFunc // of patience
	turns    chan struct{}      // where its turn goes back to; nil without one
}

// end gives back what the request took.
func (r *request) end() {
	if r.body != nil {
		r.body.end()
	}
	if r.giveUp != nil {
		r.giveUp()
	}
	if r.turns != nil {
		<-r.turns
	}
}

// host returns the address of whoever sent the request, without the port.
func (r *request) host() string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// authenticate says who sent the request, where users are known.
func (in *Intake) authenticate(r *request) error {
	if in.cfg.Users == nil {
		return nil
	}
	name, key, given := r.credentials()
	if !given || !in.cfg.Users.Authenticate(name, []byte(key)) {
		return &problem{code: http.StatusUnauthorized, text: "name and key of a user are needed (HTTP Basic)",
			header: http.Header{"Www-Authenticate": {`Basic realm="weir", charset="UTF-8"`}}}
	}
	r.user = name
	return nil
}

// credentials returns the name and key that a request gives: by HTTP Basic, or as
// InfluxDB's clients do, by "Authorization: Token name:key" or the parameters u
// and p.
func (r *request) credentials() (name, key string, given bool) {
	if name, key, given = r.BasicAuth(); given {
		return name, key, given
	}
	if token, is := strings.CutPrefix(r.Header.Get("Authorization"), "Token "); is {
		return strings.Cut(token, ":")
	}
	if r.query.Has("u") {
		return r.query.Get("u"), r.query.Get("p"), true
	}
	return "", "", false
}

// DefaultTenant is whose it is what names no tenant and comes from no user of one.
var DefaultTenant = schema.Tenant{Service: "push", Subservice: schema.RootSubservice}

// fiwareTenants returns whose a notification is: its headers say so.
func (in *Intake) fiwareTenants(r *request) ([]schema.Tenant, error) {
	tenants, err := pushtopic.FiwareTenants(r.Header.Get(serviceHeader), r.Header.Get(servicePathHeader))
	if err != nil {
		return nil, &problem{code: http.StatusBadRequest, text: err.Error(), wrapped: true}
	}
	return tenants, in.mayPush(r, tenants...)
}

// tenant returns whose all else is: the parameters service and subservice say so,
// else FIWARE's headers, else who sent it, if that user is of one tenant only, or
// what else it is by default.
func (in *Intake) tenant(r *request, otherwise schema.Tenant) ([]schema.Tenant, error) {
	t := DefaultTenant
	service, subservice := r.query.Get("service"), r.query.Get("subservice")
	switch {
	case service != "" || subservice != "":
		if service != "" {
			t.Service = service
		}
		if subservice != "" && subservice != "/" {
			t.Subservice = subservice
		}
		if err := pushtopic.CheckTenant(t); err != nil {
			return nil, bad("%v", err)
		}
	case r.Header.Get(serviceHeader) != "" || r.Header.Get(servicePathHeader) != "":
		tenants, err := pushtopic.FiwareTenants(r.Header.Get(serviceHeader), r.Header.Get(servicePathHeader))
		if err == nil && len(tenants) != 1 {
			err = errors.New("service/subservice: several paths are for notifications only")
		}
		if err != nil {
			return nil, bad("%v", err)
		}
		t = tenants[0]
	default:
		t = otherwise
		if in.cfg.Users == nil {
			break
		}
		if home, one := in.cfg.Users.Home(r.user); one {
			t = home
		}
	}
	return []schema.Tenant{t}, in.mayPush(r, t)
}

// mayPush returns why the sender may not speak for tenants.
func (in *Intake) mayPush(r *request, tenants ...schema.Tenant) error {
	if in.cfg.Users == nil {
		return nil
	}
	for _, t := range tenants {
		if !in.cfg.Users.MayPublishFor(r.user, t) {
			return &problem{code: http.StatusForbidden, text: fmt.Sprintf("the user may not push for %s", t)}
		}
	}
	return nil
}
