package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// ListTenants gives the ids of all tenants of the installation, the oldest first. It is the
// installation's and no tenant's: the login must be a member of hms_scheduler, which sees these ids and
// nothing else, and the host decides who may call it. hms.HMS.ListTenants is the way to it.
func ListTenants(ctx context.Context, h dbx.Handle, page hmstype.Page) (hmstype.List[hmstype.TenantID], error) {
	list, err := listTenants(ctx, h.Unbound(), page)
	if err != nil {
		return hmstype.List[hmstype.TenantID]{}, &hmstype.Error{Op: opListTenants, Err: dbx.Map(err)}
	}
	return list, nil
}

const opListTenants = "identity.list_tenants"

func listTenants(
	ctx context.Context, h dbx.Handle, page hmstype.Page,
) (list hmstype.List[hmstype.TenantID], err error) {
	after, _, err := page.Position(opListTenants)
	if err != nil {
		return list, err
	}
	limit, err := page.Size()
	if err != nil {
		return list, err
	}
	err = h.AsScheduler(ctx, opListTenants, func(ctx context.Context, db dbx.DB) error {
		rows, err := db.Query(ctx, `SELECT t.tenant_id FROM hms.tenant AS t WHERE t.tenant_id > $1
			ORDER BY t.tenant_id LIMIT $2`, after.ID, limit+1)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // Err below tells what matters
		for rows.Next() {
			var id hmstype.TenantID
			if err := rows.Scan(&id); err != nil {
				return err
			}
			list.Items = append(list.Items, id)
		}
		return rows.Err()
	})
	if err == nil && len(list.Items) > limit {
		list.Items = list.Items[:limit]
		list.Next = hmstype.Position{ID: list.Items[limit-1].UUID()}.Cursor(opListTenants)
	}
	return list, err
}
