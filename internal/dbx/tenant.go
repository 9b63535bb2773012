package dbx

import (
	"context"
	"sync"
	"time"

	"github.com/chelal/hms/hmstype"
)

// TenantInfo is what every operation may need to know of its tenant.
type TenantInfo struct {
	Zone     *time.Location   // "today" is this zone's day
	Currency hmstype.Currency // the tenant's own currency
	Country  string           // ISO 3166-1 alpha-2; empty where the tenant names none
}

type cachedTenant struct {
	info  TenantInfo
	until time.Time
}

type tenantCache struct {
	mu    sync.Mutex
	known map[hmstype.TenantID]cachedTenant
}

const tenantInfoTTL = time.Minute

// TenantInfo reads the tenant's settings, at most once a minute per process.
func (db DB) TenantInfo(ctx context.Context) (TenantInfo, error) {
	cache := db.handle.tenants
	cache.mu.Lock()
	known, ok := cache.known[db.Tenant()]
	cache.mu.Unlock()
	if ok && db.Now.Before(known.until) && !db.Now.Before(known.until.Add(-2*tenantInfoTTL)) {
		return known.info, nil
	}
	var zone, currency, country string
	err := db.QueryRow(ctx, `SELECT time_zone, currency, country FROM hms.tenant WHERE tenant_id = $1`, db.Tenant()).
		Scan(&zone, &currency, &country)
	if err != nil {
		return TenantInfo{}, NotFoundIfNoRows(err, "tenant", db.Tenant())
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return TenantInfo{}, &hmstype.Error{Entity: "tenant", Err: hmstype.Invalid("timeZone", "is unknown on this machine")}
	}
	info := TenantInfo{Zone: location, Currency: hmstype.Currency(currency), Country: country}
	cache.mu.Lock()
	cache.known[db.Tenant()] = cachedTenant{info: info, until: db.Now.Add(tenantInfoTTL)}
	cache.mu.Unlock()
	return info, nil
}

// Today gives the tenant's calendar day at the operation's instant.
func (db DB) Today(ctx context.Context) (hmstype.Date, error) {
	info, err := db.TenantInfo(ctx)
	if err != nil {
		return hmstype.Date{}, err
	}
	return hmstype.DateOf(db.Now, info.Zone), nil
}
