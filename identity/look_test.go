package identity_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// Names that a person would take for an administrator's are refused, whatever their bytes.
func TestService_CreateUserRefusesLookalikes(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	_, err := env.Identity.CreateUser(env.Ctx, named("admin"))
	require.NoError(t, err)
	for want, variants := range map[error][]string{
		identity.ErrUsernameTaken: {
			"Admin", "ADMIN", " admin ", "admin\u00a0", "admin\u3000", "admin\u2800", "ad‐min", "ad-min", "admin.",
			"ad.min", "a d m i n", "_admin_",
			"ａｄｍｉｎ", "𝐚𝐝𝐦𝐢𝐧", "𝒶𝒹𝓂𝒾𝓃", "𝖆𝖉𝖒𝖎𝖓", "𝚊𝚍𝚖𝚒𝚗", "ⓐⓓⓜⓘⓝ", "adⅿin", // compatibility forms
			// look-alikes in Latin
			"adm1n", "admln", "admIn", "adm|n", "ADM1N", "ADMlN", "adrnin", "ADRNIN", "adm\u0131n", "ADM\u0130N",
			"admiո", "admi\u0578", // Armenian may stand beside Latin
			// marks
			"ádmin", "admin\u0300", "adm\u0069\u0307n", "admin\u0335", "admin\u0332", "admin\u20e3", "a\u0323dmin",
			"admi\u0303n",
		},
		hmstype.ErrInvalid: {
			// scripts
			"аdmin", "аdmіn", "admіn", "adm\u0456n", "αdmin", "аԁmin", "аԁmіn", "ADМIN",
			"Ꭺdmin", "ꓮdmin",
			"ad\u200bmin", "admin\u200d", "ad\u00admin", "admin\ufe0f", "\u2060admin", "admin\u202e", "\u202dadmin",
			"admin\u115f", "admin\u3164",
			// not seen
			"admin\uffa0", "admin\U000e0020", "admin\u034f", "admin\u180e", "admin\ufeff", "admin\u2063",
			"admin\u061c",
			"@dmin", "admin♥", "…", "-", "admiɴ", "ᴀdmin", "ɑdmin", // signs
		},
	} {
		for _, name := range variants {
			_, err := env.Identity.CreateUser(env.Ctx, named(name))
			require.ErrorIs(t, err, want, "%+q", name)
			require.NotContains(t, err.Error(), name)
		}
	}
	for _, name := range []string{"adminna", "badmin", "administrator", "админ", "管理者admin", "admin2", "admin 3"} {
		_, err := env.Identity.CreateUser(env.Ctx, named(name))
		require.NoError(t, err, name)
	}
	require.Equal(t, 8, dbtest.Scalar[int](t, env,
		`SELECT count(*) FROM hms.user_account WHERE tenant_id = ?`, env.Tenant))
}

// A name in one script may be another's in another script; letters and capitals are compared.
func TestService_CreateUserRefusesWholeScriptLookalikes(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	for first, second := range map[string]string{
		"paypa": "раура", "СОВЕТ": "COBET", "ΚΟΝ": "kon", "scope": "ѕсоре", "Ian": "lan", "tom1": "toml",
		"r00t": "rOOt",
	} {
		_, err := env.Identity.CreateUser(env.Ctx, named(first))
		require.NoError(t, err, first)
		_, err = env.Identity.CreateUser(env.Ctx, named(second))
		require.ErrorIs(t, err, identity.ErrUsernameTaken, "%s, %s", first, second)
	}
}

func TestService_CreateUserRefusesLookalikeAddresses(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	with := func(address string) identity.CreateUserInput {
		in := named("u " + hmstype.NewID[hmstype.UserID]().String())
		in.Email = address
		return in
	}
	_, err := env.Identity.CreateUser(env.Ctx, with("mike@example.org"))
	require.NoError(t, err)
	for want, variants := range map[error][]string{
		identity.ErrEmailTaken: {
			"MIKE@example.org", "m\u0131ke@example.org", "ｍike@example.org", "mike@examp1e.org",
			"rnike@example.org", "mike@exampIe.org",
		},
		hmstype.ErrInvalid: {
			"mike@exаmple.org", "mіke@example.org", "mi\u200bke@example.org", "mike@exam\u00adple.org",
			"mike@example.org.", `"mike"@example.org`, "mike@ᎬxᎪmple.org",
		},
	} {
		for _, address := range variants {
			_, err := env.Identity.CreateUser(env.Ctx, with(address))
			require.ErrorIs(t, err, want, "%+q", address)
		}
	}
	for _, address := range []string{
		"mike@example.com", "mike.s@example.org", "mikes@example.org", "майк@пример.рф", "mike@пример.org",
	} {
		_, err := env.Identity.CreateUser(env.Ctx, with(address))
		require.NoError(t, err, address)
	}
}

// A change of the name frees what the old one was taken for, and keeps the own one.
func TestService_UpdateUserTakesItsLooks(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user, err := env.Identity.CreateUser(env.Ctx, named("admin"))
	require.NoError(t, err)
	rename := func(name string) error {
		in := identity.UpdateUserInput{ID: user.ID, Version: user.Version, Profile: named(name).Profile}
		changed, err := env.Identity.UpdateUser(env.Ctx, in)
		if err == nil {
			user = changed
		}
		return err
	}
	require.NoError(t, rename("adm1n"), "his own looks are free to him")
	_, err = env.Identity.CreateUser(env.Ctx, named("admin"))
	require.ErrorIs(t, err, identity.ErrUsernameTaken)
	require.NoError(t, rename("somebody"))
	_, err = env.Identity.CreateUser(env.Ctx, named("admin"))
	require.NoError(t, err)
	require.ErrorIs(t, rename("adm1n"), identity.ErrUsernameTaken)
	require.Equal(t, "somebody", user.Username)
}

// Of many who take look-alikes at once one wins, and nobody else gets anything but that answer.
func TestService_CreateUserLookalikes_Concurrent(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	for round := range 5 {
		var wg sync.WaitGroup
		names := []string{"admin", "adm1n", "ADMIN", "adrnin", "ádmin", "ad.min", "admln", "AdmIn"}
		errs := make([]error, len(names))
		for i, name := range names {
			wg.Go(func() {
				_, errs[i] = env.Identity.CreateUser(env.Ctx, named(fmt.Sprint(name, " x", string(rune('a'+round)))))
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			require.ErrorIs(t, err, identity.ErrUsernameTaken)
		}
		require.Equal(t, 1, won)
	}
}

// The database refuses what goes past the service.
func TestSchema_LooksAreUnique(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	_, err := env.Identity.CreateUser(env.Ctx, named("admin"))
	require.NoError(t, err)
	other := env.User(t)
	_, err = env.DB.NewRaw(`INSERT INTO hms.user_look (tenant_id, kind, look, user_id)
		VALUES (?, 'username', 'adrnin', ?)`, env.Tenant, other.ID).Exec(t.Context())
	require.ErrorContains(t, err, "user_look_pkey")
}

// People share names, some have one only, and write their telephones as they like.
func TestService_CreateUserTakesPeopleAsTheyAre(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	for i, p := range []identity.Profile{
		{FirstName: "María", LastName: "García", PhoneNumber: "+34 600 123 456"},
		{FirstName: "María", LastName: "García", PhoneNumber: "+34 600 123 456"},
		{FirstName: "Suharto", PhoneNumber: "(555) 010-9999"},
		{LastName: "Suharto", PhoneNumber: "+44 (0)20 7946 0958 ext. 12"},
		{FirstName: "Мария", LastName: "O’Neill", PhoneNumber: "٠٢ ١٢٣ ٤٥٦٧"},
		{FirstName: "‌علی‌رضا", LastName: "م"},
	} {
		p.Username = fmt.Sprint("person ", i)
		user, err := env.Identity.CreateUser(env.Ctx, identity.CreateUserInput{Profile: p})
		require.NoError(t, err, i)
		require.Equal(t, p, user.Profile)
	}
	nameless := named("nameless")
	nameless.FirstName, nameless.LastName = "", " "
	_, err := env.Identity.CreateUser(env.Ctx, nameless)
	require.Equal(t, []hmstype.FieldError{{Path: "lastName", Rule: "required"}}, hmstype.Fields(err))
}
