package schema_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/dbtest"
)

// keyTexts lists the texts on which a unique key, a primary key or an exclusion constraint stands and
// that are no normal form: a stored column <name>_key beside <name> that is never null by accident and
// holds what internal/names makes of it. A key over an expression is listed, too, for normal forms
// are stored.
const keyTexts = `SELECT DISTINCT x.relname || ' ' || coalesce(a.attname, '(expression)') FROM (` + tables + `) AS t
	JOIN pg_index AS i ON i.indrelid = t.oid AND (i.indisunique OR i.indisexclusion)
	JOIN pg_class AS x ON x.oid = i.indexrelid AND NOT x.relispartition
	CROSS JOIN LATERAL unnest((string_to_array(i.indkey::text, ' ')::int2[])[1:i.indnkeyatts]) AS k (attnum)
	LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.attnum AND k.attnum > 0
	LEFT JOIN pg_type AS y ON y.oid = a.atttypid
	WHERE (a.attnum IS NULL OR y.typcategory = 'S') AND NOT (` + isNormalForm + `)`

// isNormalForm also asks for the check that keeps an empty one out where the typed text is there.
const isNormalForm = `coalesce(a.attname ~ '_key$'
	AND EXISTS (SELECT 1 FROM pg_attribute AS typed WHERE typed.attrelid = a.attrelid AND typed.attnum > 0
		AND NOT typed.attisdropped
		AND typed.attname = regexp_replace(a.attname, '_key$', ''))
	AND EXISTS (SELECT 1 FROM pg_constraint AS c WHERE c.conrelid = a.attrelid AND c.contype = 'c'
		AND c.conname ~ '_key_check$'
		AND a.attnum = ANY (c.conkey)), false)`

// noNormalForm says by reason which texts of keys need none: machines write them, or a check allows one
// spelling only. Whoever adds a key over a text gives it a normal form (see
// internal/names), or a reason here.
var noNormalForm = map[string]string{
	"a currency of ISO 4217: checked against the tenant's or the form": `
		bill_currency_key.currency bill_share_currency_key.currency ledger_account_code_key.currency
		ledger_account_currency_key.currency payment_bill_key.currency service_price_days_excl.currency`,
	"one of a list that a check holds": `
		patient_key_pkey.kind
		duty_overlap_excl.kind journal_source_key.kind payment_reference_key.method refund_reference_key.method
		retention_policy_rule_key.category user_look_pkey.kind
		lab_reference_range_overlap_excl.sex`,
	"a form that a check holds, with one spelling": `retention_policy_rule_key.jurisdiction`,
	"allocated from a counter, and nobody looks up by it": `
		bill_number_key.bill_number credit_note_number_key.note_number lab_order_number_key.number
		lab_specimen_accession_key.accession`,
	"a name in the program": `
		counter_pkey.name skipped_number_pkey.series lock_pkey.name ledger_account_code_key.code
		idempotency_key_pkey.operation`,
	"the program's own name of the act that is charged": `
		charge_source_key.source_kind charge_source_key.source_id`,
	"a host's program makes it, and it must be the same to the byte": `
		idempotency_key_pkey.key external_identity_key.issuer external_identity_key.subject`,
	"made of ids": `idempotency_key_pkey.actor`,
	"a hash":      `login_source_pkey.source`,
	"normalised already, by words or by looks: what it is made of stands beside it": `
		allergy_substance_key.substance_key patient_key_pkey.key patient_token_pkey.token
		user_look_pkey.look`,
	"case carries a meaning: ccEe and CcEe are two Rhesus phenotypes": `lab_answer_pkey.code`,
	"an expression over instants, days, numbers or ids, not over a text": `
		allergy_none_known_excl.(expression) appointment_patient_excl.(expression)
		appointment_practitioner_excl.(expression) coverage_overlap_excl.(expression)
		duty_overlap_excl.(expression) duty_stand_in_excl.(expression)
		lab_reference_range_overlap_excl.(expression) service_price_days_excl.(expression) stay_bed_excl.(expression)
		stay_patient_excl.(expression)`,
}

// unnormalised gives the keys over texts without a normal form, as <index>.<column>.
func unnormalised(t *testing.T, env *hmstest.Env) []string {
	t.Helper()
	list := dbtest.Texts(t, env.DB, keyTexts)
	for i := range list {
		list[i] = strings.Replace(list[i], " ", ".", 1)
	}
	slices.Sort(list)
	return list
}

func TestSchema_TypedKeysHaveANormalForm(t *testing.T) {
	t.Parallel()
	reasoned := map[string]bool{}
	for _, list := range noNormalForm {
		for entry := range strings.FieldsSeq(list) {
			require.False(t, reasoned[entry], "%s has two reasons", entry)
			reasoned[entry] = true
		}
	}
	require.Equal(t, slices.Sorted(maps.Keys(reasoned)), unnormalised(t, hmstest.New(t)),
		"a unique key over a text wants its normal form, or a reason in noNormalForm; a reason wants its key")
}

// The walk finds what it is there to find.
func TestSchema_TypedKeysWithoutANormalFormAreFound(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t)
	before := unnormalised(t, env)
	for _, statement := range []string{
		`CREATE TABLE hms.breach (tenant_id uuid, plain text, lone_key text, unchecked text, unchecked_key text,
			good text, good_key text,
			CONSTRAINT breach_pkey PRIMARY KEY (tenant_id, plain), CONSTRAINT breach_key_check CHECK (good_key <> ''))`,
		`CREATE UNIQUE INDEX breach_plain_key ON hms.breach (tenant_id, plain) INCLUDE (good)`,
		`CREATE UNIQUE INDEX breach_partial_key ON hms.breach (tenant_id, plain) WHERE plain <> ''`,
		`CREATE UNIQUE INDEX breach_lone_key ON hms.breach (tenant_id, lone_key)`,
		`CREATE UNIQUE INDEX breach_unchecked_key ON hms.breach (tenant_id, unchecked_key)`,
		`CREATE UNIQUE INDEX breach_lower_key ON hms.breach (tenant_id, lower(plain))`,
		`ALTER TABLE hms.breach ADD CONSTRAINT breach_excl EXCLUDE USING gist (tenant_id WITH =, plain WITH =)`,
		`CREATE UNIQUE INDEX breach_good_key ON hms.breach (tenant_id, good_key)`,
		`CREATE INDEX breach_search_idx ON hms.breach (tenant_id, plain)`,
	} {
		_, err := env.DB.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	found := slices.DeleteFunc(unnormalised(t, env), func(entry string) bool { return slices.Contains(before, entry) })
	require.Equal(t, []string{
		"breach_excl.plain", "breach_lone_key.lone_key", "breach_lower_key.(expression)", "breach_partial_key.plain",
		"breach_pkey.plain", "breach_plain_key.plain", "breach_unchecked_key.unchecked_key",
	}, found)
}
