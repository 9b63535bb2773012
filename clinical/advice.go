package clinical

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Advice is what a host's own knowledge said before the transaction, and what it was asked. The zero Advice is of
// nobody.
type Advice struct {
	asked    bool
	question hmstype.SafetyQuestion // zero where there was nothing to ask
	answer   hmstype.SafetyAnswer
	failed   bool // it did not answer, or nothing that makes sense
}

// adviceTimeout bounds how long a prescription waits for an answer.
const adviceTimeout = 10 * time.Second

// AskInput says of what the host's knowledge is asked before something is handed out: a prescription, with the item
// that was chosen for one by name, or a patient and an item.
type AskInput struct {
	Patient      hmstype.PatientID
	Item         hmstype.MedicationItemID
	Prescription hmstype.PrescriptionID
}

// ask reads what is known, and asks. The read is undone by nobody and changes nothing.
func ask(
	ctx context.Context, base usecase.Base, advisor hmstype.SafetyAdvisor,
	about func(context.Context, dbx.DB) (JudgeInput, error),
) (Advice, error) {
	if advisor == nil {
		return Advice{}, nil
	}
	advice := Advice{asked: true}
	err := base.DB.InTx(ctx, "clinical.judge", func(ctx context.Context, db dbx.DB) error {
		in, err := about(ctx, db)
		if err != nil {
			return err
		}
		who, err := patient.NewPort(base).Require(ctx, db.Conn(), in.Patient)
		if err != nil {
			return err
		}
		c, verdict, err := readCase(ctx, db, in)
		advice.question = c.question(verdict)
		advice.question.Tenant, advice.question.Gender = db.Tenant(), string(who.Gender)
		advice.question.BirthDate = who.BirthDate
		return err
	})
	switch kind := hmstype.KindOf(dbx.Map(err)); {
	case kind == hmstype.KindNotFound || kind == hmstype.KindInvalid || kind == hmstype.KindPrecondition:
		return Advice{asked: true}, nil // the use case gives the same refusal, with its trail
	case err != nil:
		return Advice{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, adviceTimeout)
	defer cancel()
	advice.answer, err = advisor.Advise(bounded, advice.question)
	if ctx.Err() != nil {
		return Advice{}, ctx.Err()
	}
	advice.failed = err != nil || !advice.answer.MakesSense()
	return advice, nil
}

// question says what the host's knowledge is asked, of a case.
func (c safetyCase) question(verdict hmstype.Verdict) hmstype.SafetyQuestion {
	q := hmstype.SafetyQuestion{
		Patient: c.Patient, Medicine: c.Medicine, Dosage: c.Dosage, DosesPerDay: c.DosesPerDay, AllergiesAsked: c.asked,
		AllergyVersion: verdict.AllergyVersion, MedicationVersion: verdict.MedicationVersion,
	}
	for _, a := range c.allergies {
		if !a.NoneKnown {
			q.Allergies = append(q.Allergies,
				hmstype.KnownAllergy{ID: a.ID, Substance: a.Substance, Criticality: a.Criticality})
		}
	}
	for _, rx := range c.taken {
		q.Taken = append(q.Taken, hmstype.TakenDrug{
			Prescription: rx.ID, Medicine: rx.medicine(), Dosage: rx.Dosage, DosesPerDay: rx.DosesPerDay,
		})
	}
	return q
}

// join puts what the host's knowledge said into the verdict of a case, which is read under the patient's lock: it
// refuses an answer to another question.
func (a Advice) join(c safetyCase, verdict hmstype.Verdict) (hmstype.Verdict, error) {
	if !a.asked {
		return verdict, nil
	}
	now := c.question(verdict)
	now.Tenant, now.Gender, now.BirthDate = a.question.Tenant, a.question.Gender, a.question.BirthDate
	if !reflect.DeepEqual(now, a.question) {
		return verdict, hmstype.ErrStale
	}
	for i := range verdict.Checks {
		a.answered(&verdict.Checks[i], c.asked)
	}
	return verdict, nil
}

// answered completes one check by the answer. What names, codes and the loaded knowledge found stays.
func (a Advice) answered(check *hmstype.Check, allergiesAsked bool) {
	if a.failed {
		check.Outcome, check.Why, check.Source, check.Edition = hmstype.CheckFailed, hmstype.GapUnavailable, "", ""
		return
	}
	i := slices.IndexFunc(a.answer.Checks, func(c hmstype.Check) bool { return c.Kind == check.Kind })
	switch {
	case i < 0 && check.Why == hmstype.GapNoKnowledge:
		check.Why = hmstype.GapNotAnswered
		return
	case i < 0:
		return
	}
	said, neverAsked := a.answer.Checks[i], check.Why == hmstype.GapNeverAsked && !allergiesAsked
	check.Source, check.Edition = a.answer.Source, a.answer.Edition
	if !neverAsked { // which no knowledge makes up for
		check.Outcome, check.Why = said.Outcome, said.Why
		if said.Outcome != hmstype.Checked && said.Why == "" {
			check.Why = hmstype.GapNotAnswered
		}
	}
	for _, f := range said.Findings {
		f.Override = ""
		found(check, f.Key, f)
	}
}
