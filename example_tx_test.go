package hms_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// A patient from the ambulance is registered, gets an encounter and a bed: all of it, or nothing.
func ExampleHMS_InTx() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		bed, doctor := env.Bed(tb, ""), env.User(tb, identity.RoleDoctor)
		arrive := func(name string) error {
			return env.H.InTx(env.Ctx, func(ctx context.Context, tx *hms.HMS) error { // tx and ctx, not env.H
				p, err := tx.Patient.Register(ctx, patient.RegisterInput{
					Details: patient.Details{LastName: name, Gender: patient.GenderUnknown},
				})
				if err != nil {
					return err
				}
				encounter, err := tx.Clinical.OpenEncounter(ctx, clinical.OpenEncounterInput{
					Patient: p.ID, Practitioner: doctor, Class: clinical.ClassEmergency,
				})
				if err != nil {
					return err
				}
				_, err = tx.Facility.Admit(ctx, facility.AdmitInput{Encounter: encounter.ID, Bed: bed.ID})
				return err
			})
		}
		fmt.Println("the first:", arrive("Lovelace"))
		fmt.Println("no bed for the second:", errors.Is(arrive("Hopper"), facility.ErrBedTaken))

		found, err := env.H.Patient.Search(env.Ctx, patient.SearchInput{Name: "Hopper"})
		fmt.Println("nor a record:", len(found.Items))
		return err
	})
	// Output:
	// the first: <nil>
	// no bed for the second: true
	// nor a record: 0
}

// A host on Bun writes a row of its own next to a registration.
func ExampleHMS_WithTx() {
	hmstest.ExampleOwn(func(_ testing.TB, env *hmstest.Env) error {
		_, err := env.DB.ExecContext(env.Ctx, `CREATE TABLE parking_permit (patient uuid PRIMARY KEY, plate text)`)
		if err != nil {
			return err
		}
		err = env.DB.RunInTx(env.Ctx, nil, func(_ context.Context, tx bun.Tx) error {
			p, err := env.H.WithTx(tx).Patient.Register(env.Ctx, patient.RegisterInput{
				Details: patient.Details{FirstName: "Ada", LastName: "Lovelace", Gender: patient.GenderFemale},
			})
			if err != nil {
				return err
			}
			_, err = tx.NewRaw(`INSERT INTO parking_permit VALUES (?, ?)`, p.ID, "AL 1815").Exec(env.Ctx)
			return err
		})
		if err != nil {
			return err
		}
		var plate, name string
		err = env.DB.NewRaw(`SELECT plate, last_name FROM parking_permit JOIN hms.patient ON id = patient`).
			Scan(env.Ctx, &plate, &name)
		fmt.Println(name, "parks", plate)
		return err
	})
	// Output: Lovelace parks AL 1815
}

// A host on database/sql changes its mind: what the services did goes with its transaction.
func ExampleHMS_WithSQLTx() {
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		tx, err := env.DB.DB.BeginTx(env.Ctx, &sql.TxOptions{})
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // of one that has ended it does nothing

		desk := env.H.WithSQLTx(tx)
		if _, err := desk.Patient.Register(env.Ctx, patient.RegisterInput{
			Details: patient.Details{FirstName: "Ada", LastName: "Lovelace", Gender: patient.GenderFemale},
		}); err != nil {
			return err
		}
		inside, err := desk.Patient.Search(env.Ctx, patient.SearchInput{Name: "Lovelace"})
		if err != nil {
			return err
		}
		if err := tx.Rollback(); err != nil {
			return err
		}
		after, err := env.H.Patient.Search(env.Ctx, patient.SearchInput{Name: "Lovelace"})
		fmt.Println("in the transaction:", len(inside.Items), "afterwards:", len(after.Items))
		return err
	})
	// Output: in the transaction: 1 afterwards: 0
}

// A host on pgx (with sqlc, or in the work of a River job) sells and writes its own order, both or
// neither. Where the shelf is empty it writes a back order instead, in the same transaction.
func ExampleHMS_WithPgxTx() {
	hmstest.ExampleOwn(func(tb testing.TB, env *hmstest.Env) error {
		pool, err := pgxpool.New(env.Ctx, env.DSN)
		if err != nil {
			return err
		}
		defer pool.Close()
		if _, err := pool.Exec(env.Ctx, `CREATE TABLE shop_order (quantity bigint, status text)`); err != nil {
			return err
		}
		stock, who := env.Stock(tb, 30, ""), env.Patient(tb).ID
		for range 2 {
			err := pgx.BeginFunc(env.Ctx, pool, func(tx pgx.Tx) error {
				status := "sold"
				_, err := env.H.WithPgxTx(tx).Pharmacy.Dispense(env.Ctx, pharmacy.DispenseInput{
					Patient: who, Item: stock.Item.ID, Location: stock.Location, Quantity: 20,
				})
				if errors.Is(err, pharmacy.ErrInsufficientStock) {
					status, err = "back order", nil // the transaction goes on
				}
				if err != nil {
					return err
				}
				_, err = tx.Exec(env.Ctx, `INSERT INTO shop_order VALUES (20, $1)`, status)
				return err
			})
			if err != nil {
				return err
			}
		}
		rows, err := pool.Query(env.Ctx, `SELECT status FROM shop_order ORDER BY status DESC`)
		if err != nil {
			return err
		}
		orders, err := pgx.CollectRows(rows, pgx.RowTo[string])
		fmt.Println(orders)
		return err
	})
	// Output: [sold back order]
}
