package lab_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/lab"
)

// The host's own actor keeps its name wherever it did something; it is no person, and may do both duties.
func TestSystemActor_KeepsItsName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	analyser := hmstype.WithActor(t.Context(), hmstype.SystemActor(b.Tenant, "analyser"))
	who := hmstype.ActorRef{Kind: hmstype.ActorSystem, Name: "analyser"}
	test := b.potassium(t)
	order, err := b.lab.AddOrder(analyser, lab.AddOrderInput{
		Patient: b.adult(t), OrderDetails: lab.OrderDetails{Requester: b.doctorID}, Tests: []hmstype.LabTestID{test.ID},
	})
	require.NoError(t, err)
	require.Equal(t, b.doctorID, order.Requester, "whose order it is")
	require.Equal(t, who, order.CreatedBy, "is not who entered it")
	specimen, err := b.lab.CollectSpecimen(analyser, lab.CollectSpecimenInput{
		Order: order.ID, Items: []hmstype.LabOrderItemID{order.Items[0].ID}, TwoIdentifiers: true,
	})
	require.NoError(t, err)
	require.Equal(t, who, specimen.CreatedBy)
	specimen, err = b.lab.ReceiveSpecimen(analyser, lab.ReceiveSpecimenInput{ID: specimen.ID, Version: specimen.Version})
	require.NoError(t, err)
	require.Equal(t, who, specimen.ReceivedBy)
	order = b.reload(t, order)
	out, err := b.lab.EnterResult(analyser, lab.EnterResultInput{
		ItemRef: ref(order.Items[0]), Values: []lab.EnteredValue{{Analyte: test.Analytes[0].ID, Value: number("9.9")}},
	})
	require.NoError(t, err)
	out, err = b.lab.VerifyResult(analyser, lab.VerifyResultInput{ItemRef: ref(out.Item), Release: true})
	require.NoError(t, err)
	final := out.Results[0]
	require.Equal(t, []hmstype.ActorRef{who, who, who}, []hmstype.ActorRef{
		final.EnteredBy, final.VerifiedBy, final.CreatedBy,
	})
	require.Equal(t, who, b.alerts(t)[0].CreatedBy)
	specimen, err = b.lab.RejectSpecimen(analyser, lab.RejectSpecimenInput{
		ID: specimen.ID, Version: specimen.Version, Reason: "clotted",
	})
	require.NoError(t, err)
	require.Equal(t, who, specimen.RejectedBy)
	report, err := b.lab.GetReport(b.doctor, order.ID)
	require.NoError(t, err)
	require.Equal(t, who, report.Items[0].Results[0].EnteredBy, "and when it is read again")
}

// Who entered a value neither verifies nor corrects it by an API key or a program of his own.
func TestDuties_ArePersons(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	admin, program := b.User(t, identity.RoleAdmin), b.User(t, identity.RoleAdmin)
	as := func(a hmstype.Actor) context.Context {
		a.Tenant, a.Purpose = b.Tenant, hmstype.PurposeTreatment
		return hmstype.WithActor(t.Context(), a)
	}
	human := as(hmstype.Actor{User: admin.ID, Kind: hmstype.ActorHuman})
	key := as(hmstype.Actor{User: admin.ID, Kind: hmstype.ActorService})
	owned := as(hmstype.Actor{User: program.ID, Person: admin.ID, Kind: hmstype.ActorService})
	for name, pair := range map[string][2]context.Context{
		"Himself": {human, human}, "ByHisKey": {human, key}, "WhatHisKeyEntered": {key, human},
		"ByHisProgram": {human, owned}, "WhatHisProgramEntered": {owned, human}, "FromKeyToProgram": {key, owned},
	} {
		t.Run(name, func(t *testing.T) {
			order := b.drawn(t, b.adult(t), test)
			out, err := b.lab.EnterResult(pair[0], lab.EnterResultInput{
				ItemRef: ref(order.Items[0]), Values: []lab.EnteredValue{{Analyte: test.Analytes[0].ID, Value: number("4")}},
			})
			require.NoError(t, err)
			require.Equal(t, admin.ID, out.Results[0].EnteredBy.Person)
			_, err = b.lab.VerifyResult(pair[1], lab.VerifyResultInput{ItemRef: ref(out.Item), Release: true})
			require.ErrorIs(t, err, hmstype.ErrSeparationOfDuties)
			out = b.verify(t, out.Item)
			_, err = b.lab.CorrectResult(pair[1], lab.CorrectResultInput{
				ItemRef: ref(out.Item), Analyte: test.Analytes[0].ID, Value: number("5"), Reason: "transposed",
			})
			require.ErrorIs(t, err, hmstype.ErrSeparationOfDuties)
		})
	}
}

// An order that a person's program enters is the person's own.
func TestService_AddOrder_ByProgram(t *testing.T) {
	t.Parallel()
	b := setup(t)
	program := b.User(t, identity.RoleDoctor)
	ctx := hmstype.WithActor(t.Context(), hmstype.Actor{
		Tenant: b.Tenant, User: program.ID, Person: b.doctorID, Kind: hmstype.ActorService, Purpose: hmstype.PurposeTreatment,
	})
	order, err := b.lab.AddOrder(ctx, lab.AddOrderInput{
		Patient: b.adult(t), Tests: []hmstype.LabTestID{b.potassium(t).ID},
	})
	require.NoError(t, err)
	require.Equal(t, b.doctorID, order.Requester)
	require.Equal(t, program.ID, order.CreatedBy.User)
}
