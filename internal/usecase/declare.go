package usecase

import (
	"cmp"
	"context"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Info is what every use case says of itself, for the tests that go through them all, for the
// documentation and for the host's observer and hooks.
type Info struct {
	// domain.method_in_snake_case, such as "clinical.book"; its rooms share a domain's prefix
	Name       string
	Package    string             // import path of the package that declares it
	Permission hmstype.Permission // what the actor must hold; empty where Proof says why not
	Also       bool               // whether an input may ask for another permission beside it; see [Command]
	Treats     bool               // whether it asks of a practitioner whether he treats; see [Command]
	Proof      string             // why it asks for no permission: by what its caller proves himself
	Writes     bool               // whether it is a command
	Shows      string             // the table whose rows it shows of patients; empty for none
	Nobody     string             // why it shows nothing of a patient; empty where Shows is not
	Quiet      string             // why it leaves no event on the trail; empty where it must
	MayBeIdle  string             // why it may find nothing to do, and then leaves no event
	// RecentProof says that a person must have proved just now who he is; see [RequireRecentProof].
	RecentProof bool
	// HostOnly says that nobody but the host's own actor may, whatever he holds: what it gives would make
	// whoever got it somebody else.
	HostOnly bool
	Sample   any // an input that its validation lets pass, without ids; nil takes none
	Input    reflect.Type
	Output   reflect.Type
}

// Seen gives the types of a hook's input and result; nil for none.
func (i Info) Seen() (input, result reflect.Type) { return seen(i.Input), seen(i.Output) }

func seen(t reflect.Type) reflect.Type {
	if t == nil {
		return nil
	}
	return reflect.TypeOf(given(reflect.Zero(t).Interface()))
}

var declared struct {
	mu  sync.Mutex
	all map[string]Info
}

// Declared lists every use case of the packages that are linked, by name.
func Declared() []Info {
	declared.mu.Lock()
	defer declared.mu.Unlock()
	list := make([]Info, 0, len(declared.all))
	for _, info := range declared.all {
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// declare registers what a Declare method was called with, by the package that called it.
func declare(info Info) {
	info.Package = CallerPackage(2)
	declared.mu.Lock()
	defer declared.mu.Unlock()
	if declared.all == nil {
		declared.all = map[string]Info{}
	}
	if _, twice := declared.all[info.Name]; twice {
		panic("usecase: declared twice: " + info.Name)
	}
	if (info.Permission == "") == (info.Proof == "") {
		panic("usecase: " + info.Name + " needs either a permission or a reason to ask for none")
	}
	if (info.Shows == "") == (info.Nobody == "") {
		panic("usecase: " + info.Name + " must say either what it shows of whom or why it shows nothing")
	}
	declared.all[info.Name] = info
}

// CallerPackage gives the import path of the package whose code called the caller of this function;
// skip goes so many calls further up. Of a test's own package it ends in "_test".
func CallerPackage(skip int) string {
	pcs := make([]uintptr, 1)
	runtime.Callers(skip+2, pcs)
	frame, _ := runtime.CallersFrames(pcs).Next()
	folder := frame.Function[:strings.LastIndex(frame.Function, "/")+1]
	pkg, _, _ := strings.Cut(frame.Function[len(folder):], ".")
	return folder + pkg
}

// Command is a use case that may change state: the one declaration beside its public method.
//
//	var opBook = usecase.Command[BookInput, Appointment]{
//		Name: "clinical.book", Permission: hmstype.PermAppointmentWrite, Shows: appointments.One(),
//		Key:    func(in BookInput) string { return in.IdempotencyKey },
//		Again:  usecase.ReadAgain(func(a Appointment) hmstype.AppointmentID { return a.ID }, getAppointment),
//		Sample: BookInput{...},
//	}.Declare()
//
//	func (s *Service) Book(ctx context.Context, in BookInput) (Appointment, error) {
//		return opBook.Run(ctx, &s.base, in, s.book)
//	}
type Command[In Validator, Out any] struct {
	Name       string                      // see [Info]
	Permission hmstype.Permission          // required
	Also       func(In) hmstype.Permission // what this input needs beside it; nil or empty for nothing
	Shows      Shows[Out]                  // required: what its result shows of whom
	Key        func(In) string             // the caller's idempotency key; nil for none
	Again      dbx.Again[Out]              // required with Key, by [ReadAgain]: how a repeated call gets the first result
	MayBeIdle  string                      // see [Info]
	Quiet      string                      // see [Info]
	Sample     In                          // an input that its validation lets pass; ids may be zero

	RecentProof bool // see [Info]
	HostOnly    bool // see [Info]
	// Alone says that it has a transaction of its own even where the base is bound to the host's: what it
	// counts, or lets somebody see, is not undone with that one. As for a [Proof], which always is.
	Alone bool
	// Practitioner gives who must hold [hmstype.PermTreat]: whom the input names, or [TheActor]. Zero is
	// nobody; nil asks nobody.
	Practitioner func(In, hmstype.Actor) hmstype.UserID
}

// Declare registers the command and gives what runs it.
func (c Command[In, Out]) Declare() *Command[In, Out] {
	c.requireAgain()
	declare(Info{
		Name: c.Name, Permission: c.Permission, Also: c.Also != nil, Treats: c.Practitioner != nil, Writes: true,
		Shows: c.Shows.entity, Nobody: c.Shows.nobody,
		Quiet: c.Quiet, MayBeIdle: c.MayBeIdle, RecentProof: c.RecentProof, HostOnly: c.HostOnly, Sample: c.Sample,
		Input:  reflect.TypeFor[In](),
		Output: reflect.TypeFor[Out](),
	})
	return &c
}

// Run runs the command. It may be tried again after a deadlock, so fn must have no effect but on
// the database.
func (c *Command[In, Out]) Run(
	ctx context.Context, b *Base, in In, fn func(context.Context, dbx.DB, In) (Out, error),
) (Out, error) {
	return c.RunAfter(ctx, b, in, nil, fn)
}

// RunAfter is [Command.Run] for a rule that needs what is asked before the transaction, of somebody who may take his
// time: prepare runs once, when permission and input were found in order. What it learned the rule compares under its
// locks with what is so then.
func (c *Command[In, Out]) RunAfter(
	ctx context.Context, b *Base, in In, prepare func(context.Context) error,
	fn func(context.Context, dbx.DB, In) (Out, error),
) (Out, error) {
	if c.Alone {
		alone := *b
		alone.DB, b = b.DB.Unbound(), &alone
	}
	op := Op{
		Name: c.Name, Permission: c.Permission, writes: true, mayBeIdle: c.MayBeIdle != "", recentProof: c.RecentProof,
		hostOnly: c.HostOnly,
	}
	if c.Key != nil {
		op.Key = c.Key(in)
	}
	if c.Also != nil {
		op.Also = c.Also(in)
	}
	if c.Practitioner != nil {
		op.practitioner = func(actor hmstype.Actor) hmstype.UserID { return c.Practitioner(in, actor) }
	}
	return run(ctx, b, call[In, Out]{Op: op, shows: c.Shows, again: c.Again, fn: fn, prepare: prepare}, in)
}

// Query is a use case that only reads. It takes a transaction as well, because row-level security
// reads transaction-local settings and because what it shows is recorded.
type Query[In Validator, Out any] struct {
	Name       string             // see [Info]
	Permission hmstype.Permission // required
	Shows      Shows[Out]         // required
	Quiet      string             // see [Info]
	Sample     In                 // as for a [Command]
	List       string             // the query whose cursors it gives and takes; empty: its own. See cursor.go
}

// Declare registers the query and gives what runs it.
func (q Query[In, Out]) Declare() *Query[In, Out] {
	q.List = cmp.Or(q.List, q.Name)
	if isPaged(reflect.TypeFor[In]()) {
		if !pagesOn(reflect.TypeFor[Out]()) {
			panic("usecase: " + q.Name + " takes a page, and its result has no Next")
		}
	} else {
		q.List = ""
	}
	declare(Info{
		Name: q.Name, Permission: q.Permission, Shows: q.Shows.entity, Nobody: q.Shows.nobody,
		Quiet: q.Quiet, Sample: q.Sample, Input: reflect.TypeFor[In](), Output: reflect.TypeFor[Out](),
	})
	return &q
}

// Run runs the query.
func (q *Query[In, Out]) Run(
	ctx context.Context, b *Base, in In, fn func(context.Context, dbx.DB, In) (Out, error),
) (Out, error) {
	op := Op{Name: q.Name, Permission: q.Permission}
	return run(ctx, b, call[In, Out]{Op: op, shows: q.Shows, list: q.List, fn: fn}, in)
}

// Proof is a use case that no permission guards, because its caller proves himself: by a token, by
// a password, or because it concerns his own account only.
type Proof struct {
	Name  string // see [Info]
	Why   string // by what the caller proves himself; required
	Quiet string // see [Info]

	RecentProof bool // see [Info]
}

// Declare registers the use case and gives what runs it.
func (p Proof) Declare() *Proof {
	declare(Info{
		Name: p.Name, Proof: p.Why, Writes: true, Nobody: "concerns an account", Quiet: p.Quiet,
		RecentProof: p.RecentProof,
	})
	return &p
}

// Run runs the use case in a transaction of its own even where the base is bound to the host's, so
// that what is proved and counted there does not vanish with that one.
func (p *Proof) Run(ctx context.Context, b *Base, fn func(context.Context, dbx.DB) error) error {
	return b.Alone(ctx, p.Name, func(ctx context.Context, db dbx.DB) error {
		if p.RecentProof {
			if err := RequireRecentProof(db); err != nil {
				return err
			}
		}
		return fn(ctx, db)
	})
}
