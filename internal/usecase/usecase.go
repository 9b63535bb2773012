package usecase

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// Base is what every service of hms is built on. It is also what keeps hosts out of what only
// hms.New may call: they cannot name its type.
type Base struct {
	DB         dbx.Handle
	Authorizer hmstype.Authorizer
	Log        zerolog.Logger // the zero value is silent
	Observers  []hmstype.Observer
	Hooks      []hmstype.Hook
	Separation []hmstype.SeparatedPair // kept apart; see RequireAnother
	// Permissions are the host's own, beside the catalogue.
	Permissions []hmstype.HostPermission
	// Probe is asked at the end of each use case, inside its transaction; an error ends it.
	// Tests hold every use case against the audit trail this way. Nil asks nobody.
	Probe func(ctx context.Context, db dbx.DB, op Op) error
	Crypt *fieldcrypt.Cipher // nil stores fields as they are
}

// Bind gives the base that executes in the host's transaction.
func (b Base) Bind(tx bun.IConn, auth hmstype.Authorizer) Base {
	b.DB = b.DB.Bind(tx)
	b.Authorizer = auth
	return b
}

// Op is a use case under way.
type Op struct {
	Name       string              // such as "pharmacy.dispense": logs, audit trail, error text
	Permission hmstype.Permission  // what the actor must hold; required
	Also       hmstype.Permission  // what he must hold beside it for this input; empty for nothing
	Key        string              // the caller's idempotency key; empty means none
	Shown      []hmstype.PatientID // whose data the result shows, for the probe

	writes      bool
	mayBeIdle   bool // see [Info]
	recentProof bool // see [Info]
	hostOnly    bool // see [Info]

	practitioner func(hmstype.Actor) hmstype.UserID // see [Command]; nil asks nobody
}

// Validator is an input that checks itself, without the database.
type Validator interface {
	Validate() error
}

// maxKeyLength bounds an idempotency key, in characters.
const maxKeyLength = 200

// call is a use case under way with all that its declaration says of it, and its rule.
type call[In Validator, Out any] struct {
	Op
	shows Shows[Out]
	again dbx.Again[Out] // see [Command]
	list  string         // whose cursors the input and the result hold; empty for a command
	fn    func(context.Context, dbx.DB, In) (Out, error)

	prepare func(context.Context) error // see [Command.RunAfter]; nil for nothing
}

// run is the way from a public method to its rule: permission, input, transaction, idempotency
// key, the host's hooks around the rule, what is shown, errors, observers.
func run[In Validator, Out any](ctx context.Context, b *Base, c call[In, Out], in In) (Out, error) {
	var out Out
	ctx, done := b.observe(ctx, c.Name)
	defer done(errPanicked)
	sees, err := b.admit(ctx, c.Op, in)
	if err == nil && c.prepare != nil {
		err = c.prepare(ctx)
	}
	if err == nil {
		err = b.DB.InTx(dbx.SeesRestricted(ctx, sees), c.Name, func(ctx context.Context, db dbx.DB) error {
			var err error
			out, err = inside(ctx, b, db, c, in)
			return err
		})
		err = b.recordRestricted(ctx, c.Op, dbx.Map(err))
		b.recordDenied(ctx, c.Op, err)
		b.recordSeparation(ctx, c.Op, err)
		err = b.recordMatched(ctx, c.Op, err)
	}
	return finish(b, c.Op, done, out, err)
}

// inside is the part of run that happens in the transaction.
func inside[In Validator, Out any](ctx context.Context, b *Base, db dbx.DB, c call[In, Out], in In) (Out, error) {
	op := c.Op
	if !op.writes {
		db.OnlyReads()
	}
	if op.recentProof {
		if err := RequireRecentProof(db); err != nil {
			var none Out
			return none, err
		}
	}
	out, replayed, err := dbx.Once(ctx, db, op.Name, op.Key, in, c.again,
		func(ctx context.Context, db dbx.DB, in In) (Out, error) {
			if err := b.before(ctx, db, op, in); err != nil {
				var none Out
				return none, err
			}
			return c.page(ctx, db, in)
		})
	if err != nil {
		return out, err
	}
	if op.Shown, err = show(ctx, b, db, op, c.shows, &out, replayed); err != nil || replayed {
		return out, err
	}
	if err := b.after(ctx, db, op, in, out); err != nil || b.Probe == nil {
		return out, err
	}
	return out, b.Probe(ctx, db, op)
}

// page runs the rule, on cursors of its list.
func (c call[In, Out]) page(ctx context.Context, db dbx.DB, in In) (Out, error) {
	if c.list == "" {
		return c.fn(ctx, db, in)
	}
	mark := markOf(c.list, in)
	out, err := c.fn(ctx, db, turned(in, mark))
	markNext(&out, mark)
	return out, err
}

// Alone runs what no permission guards, because its caller proves himself: by a token, by his own
// password. It has a transaction of its own even where the base is bound to the host's, so that
// what is proved and counted there does not vanish with that one.
func (b *Base) Alone(ctx context.Context, op string, fn func(context.Context, dbx.DB) error) error {
	ctx, done := b.observe(ctx, op)
	defer done(errPanicked)
	err := dbx.Map(b.DB.Unbound().InTx(ctx, op, func(ctx context.Context, db dbx.DB) error {
		if err := fn(ctx, db); err != nil || b.Probe == nil {
			return err
		}
		return b.Probe(ctx, db, Op{Name: op})
	}))
	done(err)
	return err
}

// None is the input of a use case that takes none.
type None struct{}

// Validate implements Validator.
func (None) Validate() error { return nil }

// Given gives nil, for a hook.
func (None) Given() any { return nil }

// ByID is the input of a use case that takes an id and nothing else.
type ByID[I dbx.Entity] struct {
	ID I
}

// Validate requires the id.
func (in ByID[I]) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	return v.Err()
}

// Given gives the id, for a hook.
func (in ByID[I]) Given() any { return in.ID }

// ID makes the input of a use case that takes an id.
func ID[I dbx.Entity](id I) ByID[I] { return ByID[I]{ID: id} }

// admit asks for the permission before anything else, so that a refused caller learns
// nothing about the rules of an input. It also tells whether the actor may see restricted
// patients: asked here, before the transaction, because an Authorizer may need a connection
// of its own, and many callers that each hold one and wait for another would wait for ever.
func (b *Base) admit(ctx context.Context, op Op, in Validator) (seesRestricted bool, err error) {
	actor, err := hmstype.ActorFrom(ctx)
	if err != nil {
		return false, err
	}
	for _, permission := range []hmstype.Permission{op.Permission, op.Also} {
		if permission == "" {
			continue
		}
		if err := b.authorize(ctx, actor, permission); err != nil {
			if hmstype.KindOf(err) == hmstype.KindPermissionDenied {
				b.recordDenial(ctx, op, dbx.Access{Action: "denied", Entity: "permission", ID: string(permission)})
			}
			return false, err
		}
	}
	if op.hostOnly && actor.Kind != hmstype.ActorSystem {
		b.recordDenial(ctx, op, dbx.Access{Action: "denied", Entity: "permission", ID: string(op.Permission)})
		return false, hmstype.Denied(string(op.Permission))
	}
	if err := validateKey(op.Key); err != nil {
		return false, err
	}
	if err := Validate(in); err != nil {
		return false, err
	}
	if op.practitioner != nil {
		if err := b.requireTreats(ctx, actor, op.practitioner(actor)); err != nil {
			return false, err
		}
	}
	return b.holds(ctx, actor, hmstype.PermPatientRestricted)
}

// Allows tells whether the actor holds a permission that a use case does not require, but that
// widens what it gives. It is asked before the transaction, for the reason that admit states.
func (b *Base) Allows(ctx context.Context, permission hmstype.Permission) (bool, error) {
	actor, err := hmstype.ActorFrom(ctx)
	if err != nil {
		return false, err
	}
	return b.holds(ctx, actor, permission)
}

// holds is authorize as a question: a refusal is an answer and no error.
func (b *Base) holds(ctx context.Context, actor hmstype.Actor, permission hmstype.Permission) (bool, error) {
	err := b.authorize(ctx, actor, permission)
	if hmstype.KindOf(err) == hmstype.KindPermissionDenied {
		return false, nil
	}
	return err == nil, err
}

func validateKey(key string) error {
	var v hmstype.Validator
	v.Text(key, "idempotencyKey", 0, maxKeyLength)
	return v.Err()
}

// authorize asks the Authorizer, after the scopes of an API key, which no Authorizer can widen.
func (b *Base) authorize(ctx context.Context, actor hmstype.Actor, permission hmstype.Permission) error {
	if actor.Scopes != nil && !slices.Contains(actor.Scopes, permission) {
		return hmstype.Denied(string(permission))
	}
	return b.Authorizer.Authorize(ctx, actor, permission)
}

// restrictedError is what the database's refusal to show a restricted patient becomes.
type restrictedError interface {
	error
	RefusedPatient() hmstype.PatientID
}

// recordRestricted records that the data of a restricted patient were refused.
func (b *Base) recordRestricted(ctx context.Context, op Op, err error) error {
	var refused restrictedError
	if errors.As(err, &refused) {
		b.recordDenial(ctx, op, dbx.Access{
			Action: "denied", Entity: "patient", ID: refused.RefusedPatient().String(), Patient: refused.RefusedPatient(),
		})
	}
	return err
}

// matchingError is a refusal that tells of patients who are here already.
type matchingError interface {
	error
	MatchedPatients() []hmstype.PatientID
}

// recordMatched records of whom a refusal told that they are patients here: who asks often enough learns
// who is, without ever opening a record. Where that cannot be recorded, nothing is told.
func (b *Base) recordMatched(ctx context.Context, op Op, err error) error {
	var refused matchingError
	if !errors.As(err, &refused) {
		return err
	}
	var accesses []dbx.Access
	for _, id := range refused.MatchedPatients() {
		accesses = append(accesses, dbx.Access{Action: "matched", Entity: "patient", ID: id.String(), Patient: id})
	}
	failed := b.recordAlone(ctx, op.Name, func(ctx context.Context, db dbx.DB) error {
		return db.RecordAccess(ctx, accesses...)
	})
	if failed != nil {
		b.Log.Error().Str("op", op.Name).Str("kind", string(hmstype.KindOf(dbx.Map(failed)))).Msg("match not recorded")
		return hmstype.ErrUnavailable
	}
	return err
}

// recordDenied records that a rule refused a permission that only the matter at hand asked for.
func (b *Base) recordDenied(ctx context.Context, op Op, err error) {
	var refused *hmstype.Error
	if hmstype.KindOf(err) == hmstype.KindPermissionDenied && errors.As(err, &refused) && refused.Entity == "permission" {
		b.recordDenial(ctx, op, dbx.Access{Action: "denied", Entity: "permission", ID: refused.ID})
	}
}

// denialTimeout bounds the record of a refusal, which needs a connection of its own.
const denialTimeout = 3 * time.Second

// recordDenial writes the refusal so that it outlives the use case.
func (b *Base) recordDenial(ctx context.Context, op Op, access dbx.Access) {
	b.RecordRefusal(ctx, op.Name, func(ctx context.Context, db dbx.DB) error {
		return db.RecordAccess(ctx, access)
	})
}

// RecordRefusal runs what records a refusal so that it outlives the rollback of the use case. The caller is refused
// whether or not that succeeds.
func (b *Base) RecordRefusal(ctx context.Context, op string, record func(context.Context, dbx.DB) error) {
	if err := b.recordAlone(ctx, op, record); err != nil {
		b.Log.Error().Str("op", op).Str("kind", string(hmstype.KindOf(dbx.Map(err)))).Msg("refusal not recorded")
	}
}

// recordAlone runs what records something so that it outlives the use case: at the end of a transaction of ours that
// is around it, and otherwise in one of its own.
func (b *Base) recordAlone(ctx context.Context, op string, record func(context.Context, dbx.DB) error) error {
	if b.DB.Owe(ctx, op, record) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), denialTimeout)
	defer cancel()
	return b.DB.Unbound().InTx(ctx, op, record)
}

func finish[Out any](b *Base, op Op, done func(error), out Out, err error) (Out, error) {
	err = dbx.Map(err)
	done(err)
	if err != nil {
		var none Out
		return none, &hmstype.Error{Op: op.Name, Err: err}
	}
	return out, nil
}

// Paged is the input of a list without other criteria.
type Paged struct {
	Page hmstype.Page
}

// Validate checks the page.
func (in Paged) Validate() error {
	return in.Page.Validate()
}

// Given gives the page, for a hook.
func (in Paged) Given() any { return in.Page }
