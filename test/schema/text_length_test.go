package schema_test

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/day/method"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// listed is the bound of a column whose check lists the values or has a form with an end.
const listed = -1

// textBounds gives the most characters that the checks of the catalogue let each text column hold, by
// <table>.<column>, and the columns that have no end.
func textBounds(t *testing.T, env *hmstest.Env) (bounds map[string]int, endless []string) {
	t.Helper()
	var columns []struct{ Relname, Attname, Checks string }
	require.NoError(t, env.DB.NewRaw(`SELECT t.relname, a.attname,
			coalesce((SELECT string_agg(pg_get_constraintdef(k.oid), E'\n') FROM pg_constraint AS k
				WHERE k.conrelid = t.oid AND k.contype = 'c' AND a.attnum = ANY (k.conkey)), '') AS checks
		FROM (`+tables+` AND NOT c.relispartition) AS t
		JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
		JOIN pg_type AS y ON y.oid = a.atttypid WHERE y.typcategory = 'S' ORDER BY 1, 2`).Scan(t.Context(), &columns))
	bounds = map[string]int{}
	for _, c := range columns {
		name := c.Relname + "." + c.Attname
		if n, ok := textBound(c.Attname, c.Checks); ok {
			bounds[name] = n
		} else {
			endless = append(endless, name)
		}
	}
	return bounds, endless
}

func textBound(column, checks string) (int, bool) {
	name := `"?` + column + `"?`
	if m := regexp.MustCompile(`length\(` + name + `\) <= (\d+)`).FindStringSubmatch(checks); m != nil {
		n, err := strconv.Atoi(m[1])
		return n, err == nil
	}
	for _, form := range []string{
		`\(` + name + ` = ANY \(`, `CASE ` + name + `\s+WHEN`,
		`\(` + name + ` ~ '\^[^*+]*\$'`, `is_money\(\w+, ` + name + `\)`,
	} {
		if regexp.MustCompile(form).MatchString(checks) {
			return listed, true
		}
	}
	return 0, false
}

// endlessTexts says by reason which texts no check ends.
var endlessTexts = map[string]string{
	"the trail takes what was done, whatever it was; actors and requests are bounded where they enter": `
		audit_event.actor audit_event.credential audit_event.entity audit_event.entity_id audit_event.operation
		audit_event.purpose audit_event.request_id`,
	"a signed note, or what one says of an archive": `
		audit_checkpoint.note audit_record.note audit_purge.archive audit_purge.basis audit_purge.note`,
	"the program's own": `
		counter.name skipped_number.series idempotency_key.actor idempotency_key.operation lock.name outbox.entity
		outbox.entity_id outbox.event_type outbox_decision.entity outbox_decision.entity_id outbox_decision.event_type`,
	"allocated from a counter": `bill.bill_number credit_note.note_number
		lab_order.number lab_specimen.accession`,
	"a hash, or a sealed key": `idempotency_key.request_hash login_source.source
		user_password.hash user_totp.secret`,
	"a name of the IANA's":               `tenant.time_zone`,
	"a word of a name, which has an end": `patient_token.token`,
}

func TestSchema_TextsHaveAnEnd(t *testing.T) {
	t.Parallel()
	reasoned := map[string]bool{}
	for _, list := range endlessTexts {
		for column := range strings.FieldsSeq(list) {
			require.False(t, reasoned[column], "%s has two reasons", column)
			reasoned[column] = true
		}
	}
	_, endless := textBounds(t, hmstest.New(t))
	require.Equal(t, slices.Sorted(maps.Keys(reasoned)), endless,
		"a text has a check of its length, or a reason in endlessTexts")
}

// The walk finds what it is there to find.
func TestSchema_TextsWithoutAnEndAreFound(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t)
	_, before := textBounds(t, env)
	_, err := env.DB.ExecContext(t.Context(), `CREATE TABLE hms.breach (bare text,
		least text CHECK (length(least) >= 1), another text CHECK (length(bare) > 1),
		form text CHECK (form ~ '^a+$'), start text CHECK (start ~ '^a{1,3}'),
		good text CHECK (length(good) <= 5 AND good <> ''),
		good_form text CHECK (good_form ~ '^a{1,3}$'), good_list text CHECK (good_list IN ('a', 'b')))`)
	require.NoError(t, err)
	bounds, endless := textBounds(t, env)
	found := slices.DeleteFunc(endless, func(column string) bool { return slices.Contains(before, column) })
	require.Equal(t, []string{"breach.another", "breach.bare", "breach.form", "breach.least", "breach.start"}, found)
	require.Equal(t, []int{5, listed, listed},
		[]int{bounds["breach.good"], bounds["breach.good_form"], bounds["breach.good_list"]})
}

// storedAs says in which columns a text of an input is stored: those of a type in the table that stands
// behind it, under its column's name; those of a field in the columns that stand behind it.
var storedAs = pairs(`
	audit.DisclosureDetails: disclosure
	audit.LegalHoldDetails: legal_hold
	audit.EnterDisclosureInErrorInput.Reason: disclosure.error_reason
	audit.Recipient.Address: disclosure.recipient_address
	audit.Recipient.Name: disclosure.recipient_name
	audit.ReleaseLegalHoldInput.Reason: legal_hold.release_reason
	audit.RetentionPolicyDetails: retention_policy
	audit.Suspension.Agency: disclosure.suspension_agency
	audit.Suspension.Statement: disclosure.suspension_statement
	billing.CancelBillInput.Reason: bill.cancel_reason
	billing.CancelPaymentInput.Reason: payment.cancel_reason
	billing.CaptureChargeInput.Service: charge.service_code bill_line.service_code
	billing.CaptureChargeInput.Text: charge.description bill_line.description
	billing.CreateBillInput: bill
	billing.CreateServiceItemInput.Code: service_item.code
	billing.DecideRefundInput.Reason: refund_request.decision_reason
	billing.IssueCreditNoteInput.Reason: credit_note.reason
	billing.PaymentDetails.ReferenceNumber: payment.reference_number
	billing.RefundDetails.Reason: refund.reason refund_request.reason
	billing.RefundDetails.ReferenceNumber: refund.reference_number refund_request.reference_number
	billing.ServiceDetails.Category: service_item.category charge.category bill_line.category
	billing.ServiceDetails.Name: service_item.name
	billing.SetChargeStatusInput.Reason: charge.status_reason
	clinical.AllergyDetails: allergy
	scheduling.AppointmentDetails: appointment
	scheduling.CancelAppointmentInput.Reason: appointment.cancel_reason
	clinical.DrugRelation: drug_relation
	clinical.DrugTerm.Concept: drug_term.concept
	clinical.EncounterDetails: encounter
	clinical.EncounterDetails.Service: encounter.service_code
	clinical.EncounterOutcome: encounter
	clinical.FinishEncounterInput.Service: encounter.service_code
	clinical.LoadKnowledgeInput: drug_base
	clinical.NoteBody: clinical_note
	clinical.EnterNoteInErrorInput.Reason: clinical_note.error_reason
	clinical.PrescriptionDetails: prescription
	clinical.ReviseAllergyInput.Reason: allergy.status_reason
	clinical.ReviseConditionInput.Reason: condition.error_reason
	clinical.StopPrescriptionInput.Reason: prescription.stop_reason
	clinical.CancelPrescriptionInput.Reason: prescription.stop_reason
	clinical.HoldPrescriptionInput.Reason: prescription.stop_reason
	clinical.ResumePrescriptionInput.Reason: prescription.stop_reason
	clinical.EnterPrescriptionInErrorInput.Reason: prescription.stop_reason
	clinical.EnterVitalsInErrorInput.Reason: vitals.error_reason
	encryption.ErasureDetails: erasure
	sealed.RestoredInput.Reason: skipped_number.reason
	facility.BedDetails: bed
	facility.WardDetails: ward
	hmstype.Code.Display: allergy.substance_display condition.code_display
	hmstype.Code.System: allergy.substance_system condition.code_system prescription.medication_system
	hmstype.Code.Value: allergy.substance_value condition.code_value prescription.medication_code
	identity.APIKeyDetails: api_key
	identity.BreakGlassDetails.Text: break_glass.reason_text
	identity.BreakGlassReview: break_glass
	identity.CancelDutyInput.Reason: duty.cancel_reason
	identity.CreateRoleInput.Name: role.name
	identity.DecideAccessChangeInput.Text: access_change.decision_text
	identity.RequestAdministratorInput.Reason: access_change.reason
	identity.RequestRoleChangeInput.Reason: access_change.reason
	identity.RequestSecondFactorResetInput.Reason: access_change.reason
	identity.DutyPlace: duty
	identity.LoginInput.Source: user_session.source
	identity.LoginInput.UserAgent: user_session.user_agent user_device.user_agent
	identity.LoginExternalInput.Source: user_session.source
	identity.LoginExternalInput.UserAgent: user_session.user_agent
	identity.ExternalSubject: external_identity
	identity.Profile: user_account
	identity.RoleDetails.Description: role.description access_change.description
	identity.TenantDetails: tenant
	inbox.CompleteTaskInput.Outcome: task.outcome
	inbox.FailTaskInput.Reason: task_history.reason
	inbox.RejectTaskInput.Reason: task_history.reason
	inbox.CancelTaskInput.Reason: task_history.reason
	inbox.EnterTaskInErrorInput.Reason: task_history.reason
	inbox.NotificationDetails: notification
	inbox.ReassignTaskInput.Reason: task_history.reason
	inbox.RescheduleTaskInput.Reason: task_history.reason
	inbox.SendMessageInput.Body: message.body
	inbox.StartThreadInput.Body: message.body
	inbox.StartThreadInput.Subject: message_thread.subject
	inbox.TaskDetails: task
	inbox.ReleaseTaskInput.Reason: task_history.reason
	inbox.RequestTaskInput.Reason: task_history.reason
	inbox.ReceiveTaskInput.Reason: task_history.reason
	inbox.ReadyTaskInput.Reason: task_history.reason
	inbox.StartTaskInput.Reason: task_history.reason
	inbox.HoldTaskInput.Reason: task_history.reason
	inbox.ResumeTaskInput.Reason: task_history.reason
	lab.AcknowledgeCriticalInput.Comment: lab_critical_alert.comment
	lab.AnalyteDetails: lab_analyte
	lab.CancelItemInput.Reason: lab_order_item.status_reason
	lab.EnterItemInErrorInput.Reason: lab_order_item.status_reason
	lab.CloseCriticalInput.Comment: lab_critical_alert.closing_comment
	lab.CorrectResultInput: lab_result
	lab.EnteredValue.Comment: lab_result.comment
	lab.OrderDetails: lab_order
	lab.ActivateOrderInput.Reason: lab_order.status_reason
	lab.HoldOrderInput.Reason: lab_order.status_reason
	lab.RevokeOrderInput.Reason: lab_order.status_reason
	lab.EnterOrderInErrorInput.Reason: lab_order.status_reason
	lab.RejectSpecimenInput.Code: lab_specimen.reject_code
	lab.RejectSpecimenInput.Reason: lab_specimen.reject_reason
	lab.TestDetails: lab_test
	lab.TestDetails.SpecimenType: lab_test.specimen_type lab_specimen.specimen_type
	lab.Value.Code: lab_result.value_code lab_answer.code
	lab.Value.Text: lab_result.value_text
	lab.VoidReferenceRangeInput.Reason: lab_reference_range.void_reason
	outbox.DiscardEventInput.Reason: outbox_decision.reason
	patient.CoverageDetails: coverage
	patient.CoverageDetails.PayerName: coverage.payer_name bill_share.payer
	patient.Details: patient
	patient.Identifier: patient_identifier
	patient.RegisterInput.MRN: patient.mrn
	patient.RegisterInput.OverrideReason: patient.override_reason
	patient.RevokeDeathInput.Reason: patient.death_revoked_reason
	patient.SetStatusInput.Reason: patient.status_reason
	pharmacy.AdjustInput.Reason: stock_movement.reason
	pharmacy.BatchDetails: stock_batch
	pharmacy.CategoryDetails: medication_category
	pharmacy.DispenseInput.OverrideReason: medication_dispense.override_reason
	pharmacy.ItemDetails: medication_item
	pharmacy.ItemDetails.ATCCode: medication_item.atc_code
	pharmacy.ItemDetails.RxNormCode: medication_item.rxnorm_code
	pharmacy.LocationDetails: stock_location
	pharmacy.SetBatchStatusInput.Reason: stock_batch.status_reason
	pharmacy.SupplierDetails: supplier
`)

// pairs reads lines of a name, a colon and what belongs to it.
func pairs(text string) map[string]string {
	read := map[string]string{}
	for line := range strings.Lines(text) {
		if name, rest, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			read[name] = rest
		}
	}
	return read
}

// inHistory are reasons that stand in a history of states alone, whose check is that of the longest of
// them, and texts that are asked for and not stored.
var inHistory = strings.Fields(`scheduling.EnterAppointmentInErrorInput.Reason clinical.MoveEncounterInput.Reason
	clinical.CancelEncounterInput.Reason clinical.EnterEncounterInErrorInput.Reason
	pharmacy.ReverseDispenseInput.Reason`)

var askedFor = strings.Fields(`audit.ListExposuresInput.Actor audit.ListEventsInput.Actor
	audit.ListEventsInput.Entity audit.ListEventsInput.EntityID
	clinical.DrugTerm.System clinical.DrugTerm.Term identity.CreateUserInput.Roles identity.LoginInput.Login
	identity.ListOnDutyInput.Role identity.ListPractitionersInput.Role identity.ListPractitionersInput.Search
	identity.RequestPasswordResetInput.Login identity.RequestPasswordResetInput.Source
	identity.SetUserRolesInput.Roles identity.RequestAdministratorInput.Roles inbox.CreateTaskInput.EscalationRole
	lab.EscalateCriticalInput.Role
	inbox.EscalateTasksInput.Role inbox.ListNotificationsInput.Category inbox.Recipient.Role inbox.ListTasksInput.Role
	inbox.Link.Entity
	patient.SearchInput.MRN patient.SearchInput.Name patient.SearchInput.PhoneNumber patient.byMRN.MRN`)

var atMost = regexp.MustCompile(`^must have at most (\d+) `)

// textLimits gives for each text of the declared use cases' inputs, by <type>.<field>, what its validation
// says of one that is far too long, and the column's name that the field has.
func textLimits(t *testing.T) (limits map[string]int, columns map[string]string) {
	t.Helper()
	limits, columns = map[string]int{}, map[string]string{}
	for _, info := range usecase.Declared() {
		v, ok := method.Sample(info, info.Input, func(reflect.Type) reflect.Value { return reflect.Value{} })
		if !ok {
			continue
		}
		whole := v
		eachText(v, "", "", func(field, column string, text reflect.Value) {
			was := text.String()
			text.SetString(strings.Repeat("x", 100_000))
			in, isValidator := whole.Interface().(usecase.Validator)
			require.True(t, isValidator, info.Name)
			err := in.Validate()
			text.SetString(was)
			for _, f := range hmstype.Fields(err) {
				if m := atMost.FindStringSubmatch(f.Rule); m != nil {
					n, err := strconv.Atoi(m[1])
					require.NoError(t, err)
					require.Contains(t, []int{0, n}, limits[field], "%s has one limit everywhere", field)
					limits[field], columns[field] = n, column
				}
			}
		})
	}
	return limits, columns
}

// eachText calls fn for every text in a value, with the type and field that has it.
func eachText(v reflect.Value, field, column string, fn func(field, column string, text reflect.Value)) {
	switch {
	case v.Kind() == reflect.String:
		fn(field, column, v)
	case v.Kind() == reflect.Struct && !method.IsAtom(v.Type()):
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				eachText(v.Field(i), v.Type().String()+"."+f.Name, columnName(f), fn)
			}
		}
	case v.Kind() == reflect.Slice && v.Len() > 0 && v.Type().Elem().Kind() != reflect.Uint8:
		eachText(v.Index(0), field, column, fn)
	case v.Kind() == reflect.Pointer && !v.IsNil():
		eachText(v.Elem(), field, column, fn)
	}
}

// columnName gives the column of a field as Bun does.
func columnName(f reflect.StructField) string {
	if name, _, _ := strings.Cut(f.Tag.Get("bun"), ","); name != "" {
		return name
	}
	var b strings.Builder
	for i, r := range f.Name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// What Go lets pass the database takes, and no more: sealed, too, where it may be.
func TestSchema_TextsEndWhereTheirValidationDoes(t *testing.T) {
	t.Parallel()
	bounds, _ := textBounds(t, hmstest.New(t))
	sealed := map[string]bool{}
	for _, c := range fieldcrypt.Columns() {
		sealed[c.Table+"."+c.Name] = true
	}
	limits, names := textLimits(t)
	require.Greater(t, len(limits), 100, "there is something to compare")
	compared, plain := map[string]bool{}, map[string]int{}
	used := map[string]bool{}
	for field, limit := range limits {
		if slices.Contains(askedFor, field) {
			continue
		}
		if slices.Contains(inHistory, field) {
			assert.LessOrEqual(t, limit, bounds["encounter_status.reason"], field)
			continue
		}
		used[field] = true
		stored, ok := storedAs[field]
		if !ok {
			owner := field[:strings.LastIndexByte(field, '.')]
			stored, used[owner] = storedAs[owner]+"."+names[field], true
		}
		for column := range strings.FieldsSeq(stored) {
			want := limit
			if sealed[column] {
				want = fieldcrypt.SealedLength(limit)
			}
			assert.Equal(t, want, bounds[column], "%s is stored in %s: sealed %t", field, column, sealed[column])
			compared[column], plain[column] = true, limit
		}
	}
	for entry := range storedAs {
		assert.True(t, used[entry], "%s is no text of an input's", entry)
	}
	for _, entry := range slices.Concat(askedFor, inHistory) {
		assert.Contains(t, limits, entry)
	}
	longest := hmstype.ActorRef{
		Kind: hmstype.ActorService, User: hmstype.NewID[hmstype.UserID](), Person: hmstype.NewID[hmstype.UserID](),
	}
	for column, bound := range bounds {
		table, name, _ := strings.Cut(column, ".")
		typed, isNormalForm := plain[strings.TrimSuffix(column, "_key")]
		other, isOther := otherBounds[column]
		switch {
		case bound == listed, compared[column]:
		case strings.HasSuffix(name, "_by") || name == "actor":
			assert.Len(t, longest.String(), bound, column)
		case strings.HasSuffix(table, "_status") && name == "reason":
			assert.Equal(t, 2000, bound, "%s: the longest reason, that of a critical value's case", column)
		case name == "from_status" || name == "to_status":
			assert.Equal(t, 30, bound, "%s: the program's own states", column)
		case isNormalForm && strings.HasSuffix(name, "_key"):
			assert.Equal(t, utf8.UTFMax*typed, bound, "%s: see internal/names.Check", column)
		default:
			assert.True(t, isOther, "%s has a check of its length that Go does not know of", column)
			assert.Equal(t, other, bound, column)
		}
	}
}

// otherBounds are those of texts that no sample leads to, of normal forms of what a check lists, and of the
// program's own codes.
var otherBounds = map[string]int{
	"charge.source_kind": 40, "charge.source_id": 100, "lab_answer.display": 300, "webauthn_credential.name": 100,
	"webauthn_credential.transports": 100, "idempotency_key.key": 200, "lab_result.unit": 40,
	"lab_test.code_key": 120, "lab_analyte.code_key": 120, "allergy.substance_key": 1200,
	"drug_term.system": 800, "drug_term.term": 800, // in normal form
	"user_look.look": 2400, "audit_record.key": 500, "tenant_record.note": 20000,
	"user_account.directory_key": 8192, "patient_key.key": 1700, "tenant.country": 2,
	"clinical_note.body_hash": fieldcrypt.SealedLength(64), "appointment.cancel_code": 20, "stay.end_reason": 20,
	"stock_movement.cause": 30, "lab_specimen.patient_sex": 10, "lab_specimen.birth_precision": 10,
	"lab_result.sex": 10, "lab_result.absent_reason": 30, "user_session.end_reason": 30,
	"outbox.failure": 100, "outbox_decision.failure": 100,
}
