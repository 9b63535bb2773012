package hmstype_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/hmstype"
)

func TestActorRef_SamePerson(t *testing.T) {
	t.Parallel()
	owner, other := hmstype.NewID[hmstype.UserID](), hmstype.NewID[hmstype.UserID]()
	human := hmstype.ActorRef{Kind: hmstype.ActorHuman, User: owner, Person: owner}
	key := hmstype.ActorRef{Kind: hmstype.ActorService, User: owner, Person: owner}
	program := hmstype.ActorRef{Kind: hmstype.ActorService, User: other, Person: owner}
	stranger := hmstype.ActorRef{Kind: hmstype.ActorHuman, User: other, Person: other}
	system := hmstype.ActorRef{Kind: hmstype.ActorSystem, Name: "test"}
	require.True(t, human.SamePerson(key))
	require.True(t, program.SamePerson(human))
	require.False(t, human.SamePerson(stranger))
	require.False(t, program.SamePerson(stranger), "the program's person counts, not its account")
	require.False(t, system.SamePerson(system), "the host itself is no person")
	require.False(t, hmstype.ActorRef{}.SamePerson(hmstype.ActorRef{}), "nobody is nobody")
}

func TestParseActorRef_Refuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"system:", "database:", "human:", "human:x", "robot:00000000-0000-7000-8000-000000000001",
		"human:00000000-0000-0000-0000-000000000000", "service:00000000-0000-7000-8000-000000000001/", "human",
	} {
		_, err := hmstype.ParseActorRef(text)
		require.ErrorIs(t, err, hmstype.ErrBadActorRef, text)
	}
}

// What is written comes back, as text, as JSON and from the database.
func TestActorRef_RoundTrip(t *testing.T) {
	t.Parallel()
	ids := []hmstype.UserID{hmstype.NewID[hmstype.UserID](), hmstype.NewID[hmstype.UserID]()}
	rapid.Check(t, func(t *rapid.T) {
		ref := rapid.OneOf(
			rapid.Just(hmstype.ActorRef{}),
			rapid.Map(rapid.StringN(1, 60, -1), func(name string) hmstype.ActorRef {
				return hmstype.ActorRef{Kind: hmstype.ActorSystem, Name: name}
			}),
			rapid.Map(rapid.StringN(1, 60, -1), func(login string) hmstype.ActorRef {
				return hmstype.ActorRef{Kind: hmstype.ActorDatabase, Name: login}
			}),
			rapid.Custom(func(t *rapid.T) hmstype.ActorRef {
				return hmstype.ActorRef{
					Kind: rapid.SampledFrom([]hmstype.ActorKind{hmstype.ActorHuman, hmstype.ActorService}).Draw(t, "kind"),
					User: rapid.SampledFrom(ids).Draw(t, "user"), Person: rapid.SampledFrom(ids).Draw(t, "person"),
				}
			}),
		).Draw(t, "ref")
		parsed, err := hmstype.ParseActorRef(ref.String())
		require.NoError(t, err)
		require.Equal(t, ref, parsed)
		body, err := json.Marshal(ref)
		require.NoError(t, err)
		var fromJSON hmstype.ActorRef
		require.NoError(t, json.Unmarshal(body, &fromJSON))
		require.Equal(t, ref, fromJSON)
		stored, err := ref.Value()
		require.NoError(t, err)
		var scanned hmstype.ActorRef
		require.NoError(t, scanned.Scan(stored))
		require.Equal(t, ref, scanned)
	})
}

func TestActor_Ref(t *testing.T) {
	t.Parallel()
	user, person := hmstype.NewID[hmstype.UserID](), hmstype.NewID[hmstype.UserID]()
	require.Equal(t, hmstype.ActorRef{Kind: hmstype.ActorHuman, User: user, Person: user}, hmstype.Actor{User: user}.Ref())
	require.Equal(t, hmstype.ActorRef{Kind: hmstype.ActorService, User: user, Person: person},
		hmstype.Actor{Kind: hmstype.ActorService, User: user, Person: person}.Ref())
	require.Equal(
		t, "system:scheduler", hmstype.SystemActor(hmstype.NewID[hmstype.TenantID](), "scheduler").Ref().String(),
	)
}
