package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/patient"
)

// result enters a value, sometimes a critical one, and has the supervisor verify and release it.
func (d *hospital) result(p patient.Patient, order lab.Order, technician context.Context) error {
	doctor, supervisor := d.as(identity.RoleDoctor), d.as(identity.RoleLabSupervisor)
	ref := func() (lab.ItemRef, error) {
		current, err := d.h.Lab.GetOrder(doctor, order.ID)
		if err != nil {
			return lab.ItemRef{}, refusal("read order", err)
		}
		return lab.ItemRef{Order: order.ID, Item: current.Items[0].ID, Patient: p.ID, Version: current.Items[0].Version}, nil
	}
	value := fmt.Sprintf("%d.%d", 3+d.intn(3), d.intn(10))
	if d.chance(6) {
		value = "6.9"
	}
	at, err := ref()
	if err != nil {
		return err
	}
	if _, err := do(d, "enter result", func() (lab.ItemResult, error) {
		return d.h.Lab.EnterResult(technician, lab.EnterResultInput{
			ItemRef: at, Values: []lab.EnteredValue{{Analyte: d.analyte, Value: lab.Value{Number: value}}},
		})
	}); err != nil {
		return err
	}
	if at, err = ref(); err != nil {
		return err
	}
	if _, err := do(d, "verify result", func() (lab.ItemResult, error) {
		return d.h.Lab.VerifyResult(supervisor, lab.VerifyResultInput{ItemRef: at, Release: true})
	}); err != nil {
		return err
	}
	return d.acknowledge(doctor)
}

// acknowledge answers the critical results that nobody has answered yet.
func (d *hospital) acknowledge(doctor context.Context) error {
	open, err := d.h.Lab.ListCriticalAlerts(doctor, lab.ListCriticalAlertsInput{OnlyOpen: true})
	if err != nil {
		return refusal("read alerts", err)
	}
	for _, alert := range open.Items {
		_, err := do(d, "acknowledge critical", func() (lab.CriticalAlert, error) {
			return d.h.Lab.AcknowledgeCritical(doctor, lab.AcknowledgeCriticalInput{
				ID: alert.ID, Comment: "ward called, treatment begun", ReadBack: true,
			})
		})
		if err != nil && !errors.Is(err, errRefused) {
			return err
		}
	}
	return nil
}

// freeBed looks at the board, as everybody does at once: the bed may be gone by the time
// somebody asks for it.
func (d *hospital) freeBed() (hmstype.BedID, bool, error) {
	beds, err := d.h.Facility.ListBeds(d.as(identity.RoleNurse), facility.ListBedsInput{Status: facility.BedUnoccupied})
	if err != nil || len(beds) == 0 {
		return hmstype.BedID{}, false, refusal("read beds", err)
	}
	return beds[0].ID, true, nil
}

// findBed admits to the first bed of the board, which others want as well.
func (d *hospital) findBed(e clinical.Encounter) (facility.Stay, error) {
	for range 4 {
		bed, ok, err := d.freeBed()
		if err != nil {
			return facility.Stay{}, err
		}
		if !ok {
			d.tally.refuse("no bed is free")
			return facility.Stay{}, errRefused
		}
		stay, err := do(d, "admit", func() (facility.Stay, error) {
			return d.h.Facility.Admit(d.as(identity.RoleNurse), facility.AdmitInput{Encounter: e.ID, Bed: bed})
		})
		if err == nil || !errors.Is(err, errRefused) {
			return stay, err
		}
	}
	return facility.Stay{}, errRefused
}

// clean takes a bed through housekeeping until it is ready.
func (d *hospital) clean(id hmstype.BedID) error {
	for range 2 {
		bed, err := do(d, "clean bed", func() (facility.Bed, error) {
			return d.h.Facility.MarkCleaned(d.as(identity.RoleNurse), id)
		})
		if err != nil {
			return err
		}
		if bed.Status == facility.BedUnoccupied {
			return nil
		}
	}
	return nil
}
