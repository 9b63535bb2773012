package clinical_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Whoever is booked, opens an encounter, signs or prescribes treats patients: his account is active, and one
// of his roles says so. It is asked of him and not of who enters it, whatever that one may.
func TestPractitioner(t *testing.T) {
	t.Parallel()
	b := setup(t)
	both, err := b.Identity.CreateRole(b.Ctx, identity.CreateRoleInput{
		Name: "Everything but treating", RoleDetails: identity.RoleDetails{Permissions: []hmstype.Permission{
			hmstype.PermPrescribe, hmstype.PermNoteWrite, hmstype.PermClinicalRead, hmstype.PermEncounterWrite,
		}},
	})
	require.NoError(t, err)
	uses := b.treating(t)
	for _, info := range usecase.Declared() {
		if !strings.HasPrefix(info.Name, "clinical.") {
			continue
		}
		require.Equal(t, info.Treats, uses[info.Name] != nil, "%s is not walked here", info.Name)
	}
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			as := func(who hmstype.UserID) context.Context {
				return hmstype.WithActor(t.Context(), hmstype.HumanActor(b.Tenant, who))
			}
			clerk := b.User(t, both.Name).ID
			err := use(as(clerk), clerk)
			require.ErrorIs(t, err, hmstype.ErrNotPractitioner)
			require.Equal(t, hmstype.KindPrecondition, hmstype.KindOf(err))
			var refused *hmstype.PractitionerError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, clerk, refused.User)

			doctor := b.User(t, identity.RoleDoctor)
			require.NoError(t, use(as(doctor.ID), doctor.ID))
			_, err = b.Identity.SetUserStatus(b.Ctx, identity.SetUserStatusInput{
				ID: doctor.ID, Status: identity.UserDeactivated,
			})
			require.NoError(t, err)
			require.Error(t, use(as(doctor.ID), doctor.ID))
			switch name {
			case "clinical.sign_note", "clinical.prescribe", "clinical.resume_prescription":
				// there the actor himself may nothing any more
			default:
				require.ErrorIs(t, use(as(doctor.ID), doctor.ID), hmstype.ErrNotPractitioner)
			}
		})
	}
}

// treating are the use cases that ask whether somebody treats: each with him as the practitioner, or as the actor.
func (b *bundle) treating(t *testing.T) map[string]func(ctx context.Context, who hmstype.UserID) error {
	t.Helper()
	open := b.open(t, clinical.ClassAmbulatory)
	return map[string]func(ctx context.Context, who hmstype.UserID) error{
		"clinical.book": func(_ context.Context, who hmstype.UserID) error {
			_, err := b.calendar.Book(b.Ctx, scheduling.BookInput{
				Patient: b.newPatient(t), Practitioner: who, Period: b.at(time.Hour, 2*time.Hour),
			})
			return err
		},
		"clinical.reschedule": func(_ context.Context, who hmstype.UserID) error {
			booked, err := b.calendar.Book(b.Ctx, scheduling.BookInput{
				Patient: b.newPatient(t), Practitioner: b.User(t, identity.RoleDoctor).ID, Period: b.at(time.Hour, 2*time.Hour),
			})
			require.NoError(t, err)
			_, err = b.calendar.Reschedule(b.Ctx, scheduling.RescheduleInput{
				ID: booked.ID, Practitioner: who, Period: b.at(3*time.Hour, 4*time.Hour),
			})
			return err
		},
		"clinical.open_encounter": func(_ context.Context, who hmstype.UserID) error {
			_, err := b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{
				Patient: b.patient, Practitioner: who, Class: clinical.ClassAmbulatory,
			})
			return err
		},
		"clinical.sign_note": func(ctx context.Context, _ hmstype.UserID) error {
			note, err := b.WriteNote(ctx, clinical.WriteNoteInput{
				Encounter: open.ID, NoteBody: clinical.NoteBody{Assessment: "well"},
			})
			if err != nil {
				return err
			}
			_, err = b.SignNote(ctx, note.ID)
			return err
		},
		"clinical.resume_prescription": func(ctx context.Context, _ hmstype.UserID) error {
			rx, err := b.Prescribe(b.Ctx, clinical.PrescribeInput{
				Encounter: open.ID, PrescriptionDetails: clinical.PrescriptionDetails{
					MedicationName: hmstype.NewID[hmstype.PrescriptionID]().String(), Unit: "tablet", Dosage: "500 mg",
					Frequency: "4x", Duration: "5 days", Quantity: 20,
				},
			})
			require.NoError(t, err)
			_, err = b.HoldPrescription(b.Ctx, clinical.HoldPrescriptionInput{ID: rx.ID, Reason: "fasting"})
			require.NoError(t, err)
			_, err = b.ResumePrescription(ctx, clinical.ResumePrescriptionInput{ID: rx.ID, Reason: "eats again"})
			return err
		},
		"clinical.prescribe": func(ctx context.Context, _ hmstype.UserID) error {
			_, err := b.Prescribe(ctx, clinical.PrescribeInput{
				Encounter: open.ID, PrescriptionDetails: clinical.PrescriptionDetails{
					MedicationName: hmstype.NewID[hmstype.PrescriptionID]().String(), Unit: "tablet", Dosage: "500 mg",
					Frequency: "4x", Duration: "5 days", Quantity: 20,
				},
			})
			return err
		},
	}
}

// Nor does a row come to name him by a change.
func TestPractitioner_ByRawSQL(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gone := b.User(t, identity.RoleDoctor)
	open := b.open(t, clinical.ClassAmbulatory)
	_, err := b.Identity.SetUserStatus(b.Ctx, identity.SetUserStatusInput{ID: gone.ID, Status: identity.UserDeactivated})
	require.NoError(t, err)
	_, err = b.DB.NewRaw(`UPDATE hms.encounter SET practitioner_id = ? WHERE tenant_id = ? AND id = ?`,
		gone.ID, b.Tenant, open.ID).Exec(t.Context())
	require.ErrorIs(t, dbx.Map(err), hmstype.ErrNotPractitioner, "the application has no right to, nobody may")
}

// The database keeps it where the rule is passed by: the appointment of somebody who left leads to no
// encounter of his, and no row names him.
func TestPractitioner_WhoLeft(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doctor := b.User(t, identity.RoleDoctor)
	booked, err := b.calendar.Book(b.Ctx, scheduling.BookInput{
		Patient: b.patient, Practitioner: doctor.ID, Period: b.at(time.Hour, 2*time.Hour),
	})
	require.NoError(t, err)
	_, err = b.calendar.CheckIn(b.Ctx, booked.ID)
	require.NoError(t, err)
	_, err = b.Identity.SetUserStatus(b.Ctx, identity.SetUserStatusInput{
		ID: doctor.ID, Status: identity.UserDeactivated,
	})
	require.NoError(t, err)

	in := clinical.OpenEncounterInput{Appointment: booked.ID, Class: clinical.ClassAmbulatory}
	_, err = b.OpenEncounter(b.Ctx, in)
	var refused *hmstype.PractitionerError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, doctor.ID, refused.User)
	moved := b.User(t, identity.RoleDoctor)
	later, err := b.calendar.Book(b.Ctx, scheduling.BookInput{
		Patient: b.newPatient(t), Practitioner: moved.ID, Period: b.at(time.Hour, 2*time.Hour),
	})
	require.NoError(t, err)
	_, err = b.calendar.CheckIn(b.Ctx, later.ID)
	require.NoError(t, err)
	_, err = b.Identity.SetUserRoles(b.Ctx, identity.SetUserRolesInput{
		ID: moved.ID, Roles: []string{identity.RoleCashier},
	})
	require.NoError(t, err)
	_, err = b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{Appointment: later.ID, Class: clinical.ClassAmbulatory})
	require.ErrorAs(t, err, &refused, "he is active, and does not treat any more")
	require.Equal(t, moved.ID, refused.User)
	in.Practitioner = b.doctor // a colleague takes over
	_, err = b.OpenEncounter(b.Ctx, in)
	require.NoError(t, err)
}

// Nobody writes a prescription or a note, or signs one, whose account is closed, by raw SQL neither.
func TestPractitioner_TheDatabaseKnowsTheAuthor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doctor := b.User(t, identity.RoleDoctor)
	as := hmstype.WithActor(t.Context(), hmstype.HumanActor(b.Tenant, doctor.ID))
	require.NoError(t, b.treating(t)["clinical.prescribe"](as, doctor.ID))
	_, err := b.WriteNote(as, clinical.WriteNoteInput{
		Encounter: b.open(t, clinical.ClassAmbulatory).ID, NoteBody: clinical.NoteBody{Plan: "rest"},
	})
	require.NoError(t, err)
	_, err = b.Identity.SetUserStatus(b.Ctx, identity.SetUserStatusInput{ID: doctor.ID, Status: identity.UserDeactivated})
	require.NoError(t, err)
	for _, statement := range []string{
		`INSERT INTO hms.prescription SELECT (jsonb_populate_record(x, jsonb_build_object('id', gen_random_uuid()))).*
			FROM hms.prescription AS x WHERE x.tenant_id = ?0 AND x.created_by LIKE 'human:' || ?1 || '%'`,
		`INSERT INTO hms.clinical_note SELECT (jsonb_populate_record(x, jsonb_build_object('id', gen_random_uuid()))).*
			FROM hms.clinical_note AS x WHERE x.tenant_id = ?0 AND x.created_by LIKE 'human:' || ?1 || '%'`,
		`UPDATE hms.clinical_note SET status = 'signed', signed_at = now(), body_hash = 'hms1:x', version = version + 1
			WHERE tenant_id = ?0 AND created_by LIKE 'human:' || ?1 || '%'`,
	} {
		err := b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
			_, err := db.NewRaw(statement, b.Tenant, doctor.ID.String()).Exec(ctx)
			return err
		})
		require.ErrorIs(t, err, hmstype.ErrNotPractitioner, statement)
	}
}
