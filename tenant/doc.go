// Package tenant is a tenant's life as a whole: all its data handed out, taken in by another database, deleted with its
// keys. It owns the records of that, which outlive the tenant, and no other table; which tables there are it asks the
// catalogue, so that none can be forgotten.
//
// It is the installation's and no tenant's: hms.HMS has the methods, the database's login must be a member of
// hms_owner, and the host decides who may call them.
//
//	Export       one signed archive of every row of one instant, to move the tenant or, readable, to hand it out
//	Import       takes the tenant in from such an archive, as it was: rows, trail, log and wrapped keys
//	Delete       removes all rows and keys, under a signed record
//	ListRecords  what became of all tenants
//
// An archive is verified without a database by proof.VerifyTenantArchive.
//
// # Errors
//
// [ErrBusy], [ErrOtherSchema], [ErrTenantThere], [ErrOtherTenant], [ErrNoTenant], [ErrChanged] and [ErrNoArchive] say
// what stands in the way; [RetainedError] what keeps a tenant from being deleted; sealed.ErrArchive and
// proof.ErrArchive that an archive is not what was written.
package tenant
