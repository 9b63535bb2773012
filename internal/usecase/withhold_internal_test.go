package usecase

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
)

type part struct {
	ID       hmstype.LabOrderItemID
	Text     string
	Withheld bool
}

type whole struct {
	Parts    []part
	Texts    []string
	Withheld bool
}

// What is part of an entity can still be named when the entity is withheld, and the value that
// Entity.Keep is given is left alone.
func TestEntity_WithholdsParts(t *testing.T) {
	t.Parallel()
	id := hmstype.NewID[hmstype.LabOrderItemID]()
	var before whole
	e := Entity[whole]{
		Patient: func(*whole) hmstype.PatientID { return hmstype.PatientID{} },
		ID:      func(*whole) string { return "" },
		Keep:    func(_, w *whole) { before = *w },
	}
	v := whole{Parts: []part{{ID: id, Text: "canary"}}, Texts: []string{"canary"}}
	e.shown(&v).withhold()
	require.Equal(t, whole{Parts: []part{{ID: id, Withheld: true}}, Withheld: true}, v)
	require.Equal(t, whole{Parts: []part{{ID: id, Text: "canary"}}, Texts: []string{"canary"}}, before)
}
