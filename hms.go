package hms

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/migrate"
	"github.com/chelal/hms/outbox"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
	"github.com/chelal/hms/tenant"
)

// HMS is the hospital's core: its services, all on one database. It is immutable and safe
// for concurrent use; one that is bound to a transaction is as safe as that is.
type HMS struct {
	Identity   *identity.Service   // tenants, users, roles
	Audit      *audit.Service      // who saw or changed what
	AuditLog   *sealed.Service     // the trail's Merkle log: sealing, checkpoints, witnesses, proofs
	Outbox     *outbox.Service     // events for the host's bus
	Patient    *patient.Service    // registration, search, coverage
	Scheduling *scheduling.Service // appointments
	Clinical   *clinical.Service   // encounters, notes, vitals, prescriptions
	Pharmacy   *pharmacy.Service   // formulary, stock, dispensing
	Lab        *lab.Service        // catalogue, orders, results
	Facility   *facility.Service   // wards, beds, stays
	Billing    *billing.Service    // catalogue, charges, bills, payments, ledger
	Inbox      *inbox.Service      // notifications, tasks, messages

	Encryption *encryption.Service // the keys of field encryption: rotation, and erasure of a person

	config Config
	crypt  *fieldcrypt.Cipher
	handle dbx.Handle
	gate   usecase.Base // asks who holds a permission
}

// OpenDB makes a pool over pgx that suits the library and a host's own queries: pgx's simple
// protocol by default, because Bun writes a host's values into the text, and a bounded number
// of connections. The library's own statements are parametrised and name their mode themselves.
// It does no I/O. A host may as well bring its own *bun.DB, of Bun v1.3.0 or later over pgx; the
// library calls none of its query hooks.
func OpenDB(dsn string) (*bun.DB, error) { return dbx.Open(dsn) }

// New makes the services over a database. It does no I/O. An error is of kind invalid and names what
// of the configuration cannot be.
func New(db *bun.DB, config Config) (*HMS, error) {
	if db == nil {
		return nil, hmstype.Invalid("db", "is required")
	}
	config = config.WithDefaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	contextKey, err := config.contextKey()
	if err != nil {
		return nil, err
	}
	crypt := fieldcrypt.New(config.KeyEncryptionKey).WithNarrative(config.EncryptNarrative)
	handle := dbx.NewHandle(db, dbx.Options{
		Now: config.Now, MaxAttempts: config.MaxAttempts, UncachedStatements: config.UncachedStatements, Requests: crypt,
		ContextKey: contextKey, Recorder: config.Recorder,
		Unrecorded: func(op string, err error) {
			config.Logger.Error().Str("op", op).Str("kind", string(hmstype.KindOf(err))).
				Msg("what an undone transaction showed or refused is not recorded")
		},
	})
	root := &HMS{
		config: config, crypt: crypt,
		Identity: identity.New(usecase.Base{DB: handle, Log: config.Logger, Crypt: crypt}, config.Identity),
	}
	return root.wire(handle), nil
}

// WithTx gives the services that execute in a transaction of the host's. They do not end it; each use
// case has a savepoint, so that the host may go on after an error. What reads show is recorded by a connection of its
// own, so that no rollback hides it: Config.Recorder lends it, or else the pool ([ErrNoRecorder] where none is free).
// They serve one goroutine at a time ([hmstype.ErrConcurrentUse]), and refuse once the transaction has ended
// ([hmstype.ErrEnded]).
func (h *HMS) WithTx(tx bun.Tx) *HMS { return h.wire(h.handle.Bind(tx)) }

// WithSQLTx is [HMS.WithTx] for a transaction of database/sql over the same driver.
func (h *HMS) WithSQLTx(tx *sql.Tx) *HMS { return h.wire(h.handle.Bind(tx)) }

// WithPgxTx is [HMS.WithTx] for a transaction of pgx's own, of a pgxpool or of a connection, also
// for one in a savepoint (tx.Begin). The pool of [New] and the host's may differ, but must be on one
// database.
func (h *HMS) WithPgxTx(tx pgx.Tx) *HMS { return h.wire(h.handle.BindPgx(tx)) }

// InTx runs fn with services that share one transaction: all of what they do happens, or
// nothing. Where a deadlock ends it, fn runs again, a bounded number of times, so it must
// have no other effect. On an HMS that is bound already it runs in a savepoint.
//
// fn's context is the transaction's: give it to the services of tx. Those of h refuse it
// ([hmstype.ErrOutsideTransaction]), for what they did would stay where the transaction is undone. What was shown or
// refused in it is recorded also where it is undone.
func (h *HMS) InTx(ctx context.Context, fn func(ctx context.Context, tx *HMS) error) error {
	return dbx.Map(h.handle.InTx(ctx, "hms.in_tx", func(ctx context.Context, db dbx.DB) error {
		return fn(ctx, h.wire(db.Handle()))
	}))
}

// Migrate brings the database to the schema of this version; see migrate.Migrate. Its errors, and
// those of [HMS.Check] and of every use case, say which of host, TLS, password, role, database or
// schema is wrong and what mends it, and hold nothing of the DSN; see docs/operations.md.
func (h *HMS) Migrate(ctx context.Context) error {
	if err := migrate.Migrate(ctx, h.handle.Bun()); err != nil {
		return err
	}
	return dbx.Map(h.crypt.Check(ctx, h.handle))
}

// Check tells whether the database has the schema of this version; see migrate.Check. Call
// it at start-up where something else migrates.
//
// A newer database passes where this version can go on with it; the log names what it has more.
//
// It also holds the configured key-encryption key against the database: a missing or a
// wrong one fails here, not at the first read.
//
// What of the server's set-up leaves open more than it must goes to the Logger as warnings; see
// [HMS.Weaknesses]. With a Config.ContextKey it fails where the database is not in hardened mode
// (migrate.ErrNotHardened), does not know the key ([ErrHardened]), or the login could undo it: one that is or may
// become a superuser, one with BYPASSRLS or CREATEROLE, hms_owner, hms_backup or a reader of all data.
func (h *HMS) Check(ctx context.Context) error {
	state, err := migrate.Check(ctx, h.handle.Bun())
	if err != nil {
		return err
	}
	if len(state.Newer) > 0 {
		h.config.Logger.Warn().Strs("steps", state.Newer).
			Msg("the database is newer than this version of hms, which goes on with it")
	}
	if err := h.checkSetUp(ctx); err != nil {
		return err
	}
	return dbx.Map(h.crypt.Check(ctx, h.handle))
}

// ArchiveAuditMonth archives one month of the audit trail, of all tenants, and drops it; without
// in.Purge it only reports. It concerns the whole installation: the database's login must be a member
// of hms_owner, as for [HMS.Migrate], and the host decides who may call it. See
// sealed.ArchiveMonth.
func (h *HMS) ArchiveAuditMonth(ctx context.Context, in sealed.ArchiveMonthInput) (sealed.ArchiveReport, error) {
	return sealed.ArchiveMonth(ctx, h.handle, h.config.AuditLog, in)
}

// ExportTenant writes every row of one tenant as of one instant into an archive that is signed by the audit log's key,
// to move it (then ImportTenant, DeleteTenant) or, readable, to hand it out. It concerns the whole installation: the
// database's login must be a member of hms_owner, and the host decides who may call it. See tenant.Library.Export.
func (h *HMS) ExportTenant(ctx context.Context, in tenant.ExportInput) (tenant.Exported, error) {
	return h.tenants().Export(ctx, in)
}

// ImportTenant takes a tenant in, as it was, from an archive of another database. Who may call it: as for
// [HMS.ExportTenant]. See tenant.Library.Import.
func (h *HMS) ImportTenant(ctx context.Context, in tenant.ImportInput) (tenant.Imported, error) {
	return h.tenants().Import(ctx, in)
}

// DeleteTenant removes all rows and keys of a tenant under a signed record; without in.Delete it only reports. Who may
// call it: as for [HMS.ExportTenant]. See tenant.Library.Delete.
func (h *HMS) DeleteTenant(ctx context.Context, in tenant.DeleteInput) (tenant.Deleted, error) {
	return h.tenants().Delete(ctx, in)
}

// ListTenantRecords gives what became of all tenants as a whole: handed out, moved in, deleted. Who may call it: as for
// [HMS.ExportTenant]. See tenant.Library.ListRecords.
func (h *HMS) ListTenantRecords(ctx context.Context, page hmstype.Page) (hmstype.List[tenant.Record], error) {
	return h.tenants().ListRecords(ctx, page)
}

func (h *HMS) tenants() *tenant.Library {
	return tenant.New(h.handle, h.crypt, h.config.AuditLog, func(ctx context.Context) (bool, error) {
		report, err := h.AuditLog.Seal(ctx, sealed.SealInput{Sweep: true})
		return report.More, err
	})
}

// ListTenants gives the ids of the installation's tenants, the oldest first, for a scheduler that turns
// to one after another: [WithActor] with a [SystemActor] of each. The database's login must be a member
// of hms_scheduler, which sees these ids and nothing else; the host decides who may call it.
func (h *HMS) ListTenants(ctx context.Context, page hmstype.Page) (hmstype.List[hmstype.TenantID], error) {
	return identity.ListTenants(ctx, h.handle, page)
}

// wire connects the services. New and all ways of binding call it, so that no service of a
// bound HMS can hold an unbound collaborator.
func (h *HMS) wire(handle dbx.Handle) *HMS {
	w := &HMS{config: h.config, crypt: h.crypt, handle: handle}
	base := usecase.Base{
		DB: handle, Log: h.config.Logger, Crypt: h.crypt, Separation: h.config.SeparationOfDuties, Hooks: h.config.Hooks,
		Permissions: h.config.Permissions, Authorizer: h.config.Authorizer,
		Observers: append([]hmstype.Observer{usecase.LogObserver{Log: h.config.Logger}}, h.config.Observers...),
	}
	w.Identity = h.Identity.Bind(base)
	if base.Authorizer == nil {
		base.Authorizer = w.Identity
	}
	w.gate = base
	w.Audit = audit.New(base)
	w.AuditLog = sealed.New(base, sealed.Ports{Trail: audit.NewPort(base)}, h.config.AuditLog)
	w.Outbox = outbox.New(base)
	w.Encryption = encryption.New(base, h.config.erasures())
	w.Patient = patient.New(base, patient.Ports{
		Deaths: []patient.DeathFollower{scheduling.NewPort(base), clinical.NewPort(base)},
		Open:   []patient.OpenSource{scheduling.NewPort(base), clinical.NewPort(base), lab.NewPort(base)},
	})
	patients, encounters, staff := patient.NewPort(base), clinical.NewPort(base), identity.NewPort(base)
	charges := charge.Poster(billing.NewPort(base))
	if h.config.Charges != nil {
		charges = hostCharges{h.config.Charges, handle}
	}
	mail := inbox.Ports{Patients: patients, Staff: staff}
	laboratory := lab.Ports{
		Patients: patients, Staff: staff, Wards: facility.NewPort(base), Encounters: encounters, Charges: charges,
		Readers: audit.NewPort(base), Notices: notices{inbox.NewPort(base, mail)},
	}
	w.Billing = billing.New(base, billing.Ports{Patients: patients})
	w.Scheduling = scheduling.New(base, scheduling.Ports{Patients: patients, Encounters: encounters})
	w.Clinical = clinical.New(base, clinical.Ports{
		Patients: patients, Appointments: scheduling.NewPort(base), Charges: charges,
		Formulary: pharmacy.NewPort(base), Alerts: alerts{inbox.NewPort(base, mail)}, Advisor: h.config.Safety,
		FinishGuards: []clinical.FinishGuard{facility.NewPort(base)},
		Records:      []clinical.EncounterRecord{lab.NewPort(base).With(laboratory), billing.NewPort(base)},
	})
	w.Facility = facility.New(base, facility.Ports{Patients: patients, Encounters: encounters, Charges: charges})
	w.Pharmacy = pharmacy.New(base, pharmacy.Ports{
		Patients: patients, Prescriptions: prescriptions{encounters},
		Safety: safety{encounters, pharmacy.NewPort(base), h.config.Safety}, Charges: charges,
	})
	w.Inbox = inbox.New(base, mail)
	w.Lab = lab.New(base, laboratory)
	return w
}
