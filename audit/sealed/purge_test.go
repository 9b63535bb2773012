package sealed_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
)

// purged gives a sibling whose first month is purged; leaves 0 to 39 are of it, 40 to 79 of
// the other month.
func purged(t *testing.T, home *logBundle, free *months) (b *logBundle, gone, kept sealed.Month) {
	t.Helper()
	gone, kept = free.next(), free.next()
	b = home.sibling(t, gone, kept)
	b.sealAll(t)
	b.purge(t, gone)
	report := b.verify(t)
	require.Empty(t, report.Findings)
	require.Equal(t, int64(40), report.Purged)
	return b, gone, kept
}

func (b *logBundle) purge(t *testing.T, month sealed.Month) {
	t.Helper()
	report, err := b.archive(t, sealed.ArchiveMonthInput{Month: month, Sink: &memorySink{}, Purge: true})
	require.NoError(t, err)
	require.True(t, report.Purged)
}

// Each attack is an administrator's with every right but the signing key, who would hide behind
// a purge what he removed.
func TestService_VerifyLogAfterAPurge(t *testing.T) {
	t.Parallel()
	home, free := older(t), &months{}
	at := func(index string) string {
		return ` (e.tenant_id, e.recorded_at, e.id) = (SELECT tenant_id, recorded_at, event_id FROM hms.audit_leaf
			WHERE tenant_id = $tenant AND leaf_index = ` + index + `)`
	}
	const (
		ofKept = ` FROM hms.audit_leaf WHERE tenant_id = $tenant AND leaf_index = 45`
		mine   = ` WHERE tenant_id = $tenant`
	)
	removed, invalid := sealed.FindingRemoved, sealed.FindingPurge
	for name, tt := range map[string]struct {
		attack []string
		kinds  map[sealed.FindingKind]int // how many of each
		purged int64
	}{
		"AnotherEvent": {[]string{`DELETE FROM hms.audit_event AS e WHERE` + at("45")},
			map[sealed.FindingKind]int{removed: 1}, 40},
		"OthersRecord": {[]string{`UPDATE hms.audit_purge SET note = (SELECT note FROM hms.audit_purge
			WHERE tenant_id = $home)` + mine}, map[sealed.FindingKind]int{removed: 40, invalid: 1}, 0},
		"SecondForged": {[]string{`DELETE FROM hms.audit_event AS e WHERE` + at("45"),
			`INSERT INTO hms.audit_purge
				SELECT tenant_id, month + interval '1 month', 1, digest, archive, archive_hash, basis, purged_at, note
					FROM hms.audit_purge` + mine}, map[sealed.FindingKind]int{removed: 1, invalid: 1}, 40},
		"LeafMovedInto": {[]string{`DELETE FROM hms.audit_event AS e WHERE` + at("45"),
			`UPDATE hms.audit_leaf SET recorded_at = recorded_at - interval '1 month'` + mine + ` AND leaf_index = 45`},
			map[sealed.FindingKind]int{removed: 1}, 40},
		"LeafMovedOut": {[]string{`UPDATE hms.audit_leaf SET recorded_at = recorded_at + interval '1 month'` + mine +
			` AND leaf_index = 5`}, map[sealed.FindingKind]int{removed: 40, invalid: 1}, 0},
		"LeavesSwapped": {[]string{`DELETE FROM hms.audit_event AS e WHERE` + at("45"),
			`UPDATE hms.audit_leaf SET leaf_index = 1000` + mine + ` AND leaf_index = 5`,
			`UPDATE hms.audit_leaf SET leaf_index = 5` + mine + ` AND leaf_index = 45`,
			`UPDATE hms.audit_leaf SET leaf_index = 45` + mine + ` AND leaf_index = 1000`},
			map[sealed.FindingKind]int{removed: 41, invalid: 1, sealed.FindingRoot: 1, sealed.FindingForked: 1}, 0},
		"LeafHashEdited": {[]string{`UPDATE hms.audit_leaf SET hash = decode(repeat('ab', 32), 'hex')` + mine +
			` AND leaf_index = 5`},
			map[sealed.FindingKind]int{removed: 40, invalid: 1, sealed.FindingRoot: 1, sealed.FindingForked: 1}, 0},
		"LeafGone": {[]string{`DELETE FROM hms.audit_leaf` + mine + ` AND leaf_index = 5`},
			map[sealed.FindingKind]int{removed: 39, invalid: 1, sealed.FindingLeaf: 1, sealed.FindingRoot: 1,
				sealed.FindingForked: 1}, 0},
		"ForgedReturn": {[]string{`INSERT INTO hms.audit_event (tenant_id, recorded_at, id, actor, action, entity, entity_id,
			operation, request_id, purpose)
			SELECT tenant_id, recorded_at, event_id, 'human:y', 'read', 'test', '', '', '', '' FROM hms.audit_leaf` + mine + `
				AND leaf_index = 5`}, map[sealed.FindingKind]int{invalid: 1, sealed.FindingEdited: 1}, 39},
		"BackDated": {[]string{`INSERT INTO hms.audit_event (tenant_id, recorded_at, actor, action, entity, entity_id,
			operation, request_id, purpose)
			SELECT tenant_id, recorded_at - interval '1 month', 'human:y', 'read', 'test', '', '', '', ''` + ofKept},
			map[sealed.FindingKind]int{sealed.FindingInserted: 1}, 40},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _, _ := purged(t, home, free)
			statements := tt.attack
			if name == "OthersRecord" {
				other, _, _ := purged(t, home, free)
				statements = []string{strings.ReplaceAll(tt.attack[0], "$home", "'"+other.Tenant.String()+"'")}
			}
			b.past(t, statements...)
			report := b.verify(t)
			found := counted(report)
			require.Equal(t, tt.kinds, found)
			require.Equal(t, tt.purged, report.Purged)
		})
	}
}

// A record that says anything but what was signed explains nothing.
func TestService_VerifyLogFindsForgedPurges(t *testing.T) {
	t.Parallel()
	b, _, _ := purged(t, older(t), &months{})
	b.sql(t, `CREATE TABLE public.saved AS SELECT * FROM hms.audit_purge`)
	set := func(change string) string { return `UPDATE hms.audit_purge SET ` + change }
	for name, attack := range map[string]string{
		"RecordRemoved": `DELETE FROM hms.audit_purge`,
		"CountEdited":   set(`leaf_count = leaf_count + 1`),
		"DigestEdited":  set(`digest = decode(repeat('ab', 32), 'hex')`),
		"ArchiveEdited": set(`archive = 'elsewhere'`),
		"ArchiveSum":    set(`archive_hash = decode(repeat('ab', 32), 'hex')`),
		"BasisEdited":   set(`basis = 'none'`),
		"TimeEdited":    set(`purged_at = purged_at - interval '1 day'`),
		"MonthMoved":    set(`month = month + interval '1 month'`),
		"NoteEdited":    set(`note = replace(note, 'basis', 'Basis')`),
		"NoteUnsigned":  set(`note = split_part(note, '—', 1)`),
		"NoteTwice":     set(`note = note || '—' || split_part(note, '—', 2)`),
		"NoteEmpty":     set(`note = ''`),
	} {
		b.past(t, attack)
		report := b.verify(t)
		want := map[sealed.FindingKind]int{sealed.FindingRemoved: 40, sealed.FindingPurge: 1}
		if name == "RecordRemoved" {
			delete(want, sealed.FindingPurge)
		}
		require.Equal(t, want, counted(report), name)
		require.Zero(t, report.Purged, name)
		b.past(t, `DELETE FROM hms.audit_purge`, `INSERT INTO hms.audit_purge SELECT * FROM public.saved`)
	}
	report := b.verify(t)
	require.Empty(t, report.Findings)
	require.Equal(t, int64(40), report.Purged)
}

func counted(report sealed.LogReport) map[sealed.FindingKind]int {
	found := map[sealed.FindingKind]int{}
	for _, f := range report.Findings {
		found[f.Kind]++
	}
	return found
}

// A record that another key signed explains nothing, however right it is.
func TestService_VerifyLogAfterAPurgeByAnotherKey(t *testing.T) {
	t.Parallel()
	b, _, _ := purged(t, older(t), &months{})
	forger := newLog(t, b.Env)
	rotated := b.config
	rotated.Verifiers = append([]string{forger.public}, rotated.Verifiers...)
	rotated.Signer = forger.config.Signer
	next := &logBundle{Env: b.Env, config: rotated, s: newService(b.Base, rotated)}
	require.Empty(t, next.verify(t).Findings, "the old key's records stay good after a change of keys")
	rotated.Verifiers = rotated.Verifiers[:1]
	next.s = newService(b.Base, rotated)
	require.Contains(t, kinds(next.verify(t)), sealed.FindingPurge)
}

// rewind moves all events of the tenant so far into a month, and keeps their order.
func (b *logBundle) rewind(t *testing.T, month sealed.Month) {
	t.Helper()
	b.age(t, month, 1)
	b.past(t, `UPDATE hms.audit_event AS e SET recorded_at = f.first + (e.recorded_at - f.begun)
		FROM (SELECT min(recorded_at) + interval '5 days' AS first, min(recorded_at) FILTER (WHERE entity <> 'test') AS begun
			FROM hms.audit_event WHERE tenant_id = $tenant) AS f
		WHERE e.tenant_id = $tenant AND e.entity <> 'test'`)
}

// user creates a user.
func (b *logBundle) user(t *testing.T, roles ...string) identity.User {
	t.Helper()
	return b.User(t, roles...)
}

func (b *logBundle) tables(t *testing.T) (sealed.Report, map[string]sealed.TableReport) {
	t.Helper()
	report, err := b.s.Verify(b.Ctx)
	require.NoError(t, err)
	byName := map[string]sealed.TableReport{}
	for _, table := range report.Tables {
		byName[table.Table] = table
	}
	return report, byName
}

// livedOn gives a sibling whose creations are purged and whose rows went on changing after.
func livedOn(t *testing.T, home *logBundle, free *months) (b *logBundle, old, touched, young identity.User) {
	t.Helper()
	b = home.sibling(t)
	old, touched = b.user(t, identity.RoleNurse), b.user(t, identity.RoleNurse, identity.RoleDoctor)
	b.lock(t, touched, identity.UserLocked)
	month := free.next()
	b.rewind(t, month)
	b.lock(t, touched, identity.UserActive)
	b.lock(t, touched, identity.UserLocked)
	b.roles(t, touched, identity.RoleNurse)                      // a grant from before the purge goes
	b.roles(t, touched, identity.RoleNurse, identity.RoleDoctor) // and comes again
	young = b.user(t, identity.RoleNurse)
	b.sealAll(t)
	report, _ := b.tables(t)
	require.True(t, report.Clean(), "%+v", report)
	b.purge(t, month)
	report, tables := b.tables(t)
	require.True(t, report.Clean(), "%+v", report)
	require.Equal(t, int64(2), tables["user_account"].Purged)
	require.Equal(t, int64(3), tables["user_role"].Purged, "the grant that went, too")
	require.Equal(t, int64(3), tables["user_account"].Rows)
	b.lock(t, young, identity.UserLocked)
	b.lock(t, touched, identity.UserActive)
	b.roles(t, old)
	report, _ = b.tables(t)
	require.True(t, report.Clean(), "life goes on: %+v", report)
	return b, old, touched, young
}

func (b *logBundle) lock(t *testing.T, u identity.User, status identity.UserStatus) {
	t.Helper()
	_, err := b.Identity.SetUserStatus(b.Ctx, identity.SetUserStatusInput{ID: u.ID, Status: status})
	require.NoError(t, err)
}

func (b *logBundle) roles(t *testing.T, u identity.User, roles ...string) {
	t.Helper()
	_, err := b.Identity.SetUserRoles(b.Ctx, identity.SetUserRolesInput{ID: u.ID, Roles: roles})
	require.NoError(t, err)
}

// The replay finds what was done past the triggers to rows older and younger than the purge.
func TestService_VerifyAfterAPurge(t *testing.T) {
	t.Parallel()
	home, free := older(t), &months{}
	const account = ` WHERE tenant_id = $tenant AND id = $user`
	for name, tt := range map[string]struct {
		attack []string
		want   sealed.TableReport // of user_account: the three counts of what is wrong
	}{
		"Nothing": {nil, sealed.TableReport{}},
		"OldRowEdited": {[]string{`UPDATE hms.user_account SET phone_number = '555'` +
			strings.Replace(account, "$user", "$old", 1)}, sealed.TableReport{Unexplained: 1}},
		"TouchedColumn": {[]string{`UPDATE hms.user_account SET status = 'locked'` +
			strings.Replace(account, "$user", "$touched", 1)}, sealed.TableReport{Unexplained: 1}},
		"UntouchedColumn": {[]string{`UPDATE hms.user_account SET phone_number = '555'` +
			strings.Replace(account, "$user", "$touched", 1)}, sealed.TableReport{Unexplained: 1}},
		"YoungRowEdited": {[]string{`UPDATE hms.user_account SET phone_number = '555'` +
			strings.Replace(account, "$user", "$young", 1)}, sealed.TableReport{Unexplained: 1}},
		"RowInserted": {[]string{insertUser}, sealed.TableReport{Untold: 1}},
		"OldRowRemoved": {[]string{`DELETE FROM hms.user_account` + strings.Replace(account, "$user", "$old", 1)},
			sealed.TableReport{Vanished: 1}},
		"YoungRowRemoved": {[]string{`DELETE FROM hms.user_account` + strings.Replace(account, "$user", "$young", 1)},
			sealed.TableReport{Vanished: 1}},
		"OneForAnother": {[]string{insertUser, `DELETE FROM hms.user_account` +
			strings.Replace(account, "$user", "$old", 1)}, sealed.TableReport{Unexplained: 1}},
		"EventForged": {[]string{`UPDATE hms.audit_event SET changes = jsonb_set(changes, '{status,0}', '"retired"')
			WHERE tenant_id = $tenant AND entity = 'user_account' AND entity_id = $touched::text
				AND action = 'update'`}, sealed.TableReport{Unexplained: 1}},
		"RecordRemoved": {[]string{`DELETE FROM hms.audit_purge WHERE tenant_id = $tenant`}, sealed.TableReport{Untold: 2}},
		"RecordForged": {[]string{`UPDATE hms.audit_purge
			SET note = replace(note, 'table user_account 2 ', 'table user_account 3 ')
				WHERE tenant_id = $tenant`, insertUser}, sealed.TableReport{Untold: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, old, touched, young := livedOn(t, home, free)
			for _, statement := range tt.attack {
				for name, user := range map[string]hmstype.UserID{"$old": old.ID, "$touched": touched.ID, "$young": young.ID} {
					statement = strings.ReplaceAll(statement, name, "'"+user.String()+"'")
				}
				b.past(t, statement)
			}
			_, tables := b.tables(t)
			got := tables["user_account"]
			require.Equal(t, tt.want,
				sealed.TableReport{Untold: got.Untold, Unexplained: got.Unexplained, Vanished: got.Vanished})
		})
	}
}

const insertUser = `INSERT INTO hms.user_account
	SELECT (jsonb_populate_record(u, jsonb_build_object('id', gen_random_uuid(),
		'username', 'forged', 'username_key', 'forged'))).*
	FROM hms.user_account AS u WHERE u.tenant_id = $tenant AND u.id = $old`

// Months may be purged in any order: the replay begins behind the newest of them.
func TestService_VerifyAfterPurgesOutOfOrder(t *testing.T) {
	t.Parallel()
	b := older(t)
	u := b.user(t, identity.RoleNurse)
	b.rewind(t, "2018-01")
	b.age(t, "2018-03", 3)
	b.lock(t, u, identity.UserLocked)
	b.past(t, `UPDATE hms.audit_event SET recorded_at = '2018-03-05' WHERE tenant_id = $tenant AND entity = 'user_account'
		AND action = 'update'`)
	b.lock(t, u, identity.UserActive)
	b.sealAll(t)
	for _, month := range []sealed.Month{"2018-03", "2018-01"} {
		b.purge(t, month)
		report, tables := b.tables(t)
		require.True(t, report.Clean(), "%s: %+v", month, report)
		require.Equal(t, int64(1), tables["user_account"].Purged)
		require.Empty(t, b.verify(t).Findings)
	}
	b.past(t, `UPDATE hms.user_account SET phone_number = '555' WHERE tenant_id = $tenant`)
	report, _ := b.tables(t)
	require.False(t, report.Clean())
}
