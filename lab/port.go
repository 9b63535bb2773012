package lab

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
)

// WardSource tells in which ward a patient lies; the zero id where he lies in none. Package facility
// implements it.
type WardSource interface {
	PatientWard(ctx context.Context, conn bun.IConn, id hmstype.PatientID) (hmstype.WardID, error)
}

// EncounterSource tells whose an encounter is and whether it is still open. Package
// clinical implements it.
type EncounterSource interface {
	EncounterPatient(
		ctx context.Context, conn bun.IConn, id hmstype.EncounterID,
	) (patient hmstype.PatientID, open bool, err error)
}
