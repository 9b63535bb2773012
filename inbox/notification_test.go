package inbox_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

func (b *bundle) inbox(t *testing.T, ctx context.Context, unread bool) []inbox.Notification {
	t.Helper()
	list, err := b.ListNotifications(ctx, inbox.ListNotificationsInput{Unread: unread})
	require.NoError(t, err)
	return list.Items
}

func TestService_Notify(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doctor, doctorID := b.person(t, identity.RoleDoctor)
	bed := uuid.New()
	in := inbox.NotifyInput{
		To: to(doctorID),
		NotificationDetails: inbox.NotificationDetails{
			Category: "lab.critical", Priority: inbox.PriorityStat, Title: "Potassium", Body: "7.1 mmol/l",
		},
		Patient: b.patient(t, false), Link: inbox.Link{Entity: "lab_result", ID: bed},
		ExpiresAt: b.Clock.Now().Add(time.Hour), IdempotencyKey: "once",
	}
	sent, err := b.Notify(b.Ctx, in)
	require.NoError(t, err)
	again, err := b.Notify(b.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, sent, again, "one key, one notification")
	in.Title = "Sodium"
	_, err = b.Notify(b.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrIdempotencyMismatch)
	require.Equal(t, 1, b.events(t, "inbox.notified"))

	require.Equal(t, inbox.Notification{
		ID: sent.ID, To: to(doctorID), NotificationDetails: inbox.NotificationDetails{
			Category: "lab.critical", Priority: inbox.PriorityStat, Title: "Potassium", Body: "7.1 mmol/l",
		},
		Patient: in.Patient, SealedFor: in.Patient.UUID(), Link: in.Link,
		CreatedBy: hmstype.ActorRef{Kind: hmstype.ActorSystem, Name: "test"}, CreatedAt: b.Clock.Now(),
		ExpiresAt: in.ExpiresAt,
	}, sent)
	require.Equal(t, []inbox.Notification{sent}, b.inbox(t, doctor, false))
	read, err := b.GetNotification(doctor, sent.ID)
	require.NoError(t, err)
	require.Equal(t, sent, read)

	b.Clock.Advance(time.Hour)
	require.Empty(t, b.inbox(t, doctor, false), "expired at its instant")
	n, err := b.CountUnreadNotifications(doctor)
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = b.GetNotification(doctor, sent.ID)
	require.NoError(t, err, "by its id it stays readable")
}

func TestService_NotifyRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	desk, deskID := b.person(t, identity.RoleReceptionist)
	good := note(to(deskID))
	for name, tt := range map[string]struct {
		change func(*inbox.NotifyInput)
		want   error
	}{
		"Nobody":      {func(in *inbox.NotifyInput) { in.To = inbox.Recipient{} }, hmstype.ErrInvalid},
		"UserAndRole": {func(in *inbox.NotifyInput) { in.To.Role = identity.RoleNurse }, hmstype.ErrInvalid},
		"UnknownUser": {func(in *inbox.NotifyInput) { in.To.User = hmstype.NewID[hmstype.UserID]() }, hmstype.ErrInvalid},
		"UnknownRole": {func(in *inbox.NotifyInput) { in.To = toRole("Astronaut") }, hmstype.ErrNotFound},
		"UnknownPatient": {
			func(in *inbox.NotifyInput) { in.Patient = hmstype.NewID[hmstype.PatientID]() }, hmstype.ErrNotFound,
		},
		"NoTitle":         {func(in *inbox.NotifyInput) { in.Title = " " }, hmstype.ErrInvalid},
		"LongTitle":       {func(in *inbox.NotifyInput) { in.Title = strings.Repeat("é", 201) }, hmstype.ErrInvalid},
		"LongBody":        {func(in *inbox.NotifyInput) { in.Body = strings.Repeat("é", 10_001) }, hmstype.ErrInvalid},
		"NoCategory":      {func(in *inbox.NotifyInput) { in.Category = "" }, hmstype.ErrInvalid},
		"CategoryNoCode":  {func(in *inbox.NotifyInput) { in.Category = "Lab result!" }, hmstype.ErrInvalid},
		"UnknownPriority": {func(in *inbox.NotifyInput) { in.Priority = "soon" }, hmstype.ErrInvalid},
		"HalfALink":       {func(in *inbox.NotifyInput) { in.Link.Entity = "bed" }, hmstype.ErrInvalid},
		"LinkNoTable": {
			func(in *inbox.NotifyInput) { in.Link = inbox.Link{Entity: "Bed 1", ID: uuid.New()} }, hmstype.ErrInvalid,
		},
		"ExpiredAlready": {func(in *inbox.NotifyInput) { in.ExpiresAt = b.Clock.Now() }, hmstype.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := good
			tt.change(&in)
			_, err := b.Notify(b.Ctx, in)
			require.ErrorIs(t, err, tt.want)
		})
	}
	_, err := b.Notify(desk, good)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "the desk sends none")
	_, err = b.Notify(b.Ctx, inbox.NotifyInput{
		To: to(deskID),
		NotificationDetails: inbox.NotificationDetails{
			Category: "a", Title: strings.Repeat("🏥", 200), Body: strings.Repeat("🏥", 10_000),
		},
	})
	require.NoError(t, err, "the longest text fits when it is sealed")
}

func TestService_RoleInbox(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, firstID := b.person(t, identity.RoleNurse, identity.RoleReceptionist)
	second, secondID := b.person(t, identity.RoleNurse)
	doctor, _ := b.person(t, identity.RoleDoctor)
	ward, err := b.Notify(b.Ctx, note(toRole(identity.RoleNurse)))
	require.NoError(t, err)
	require.Equal(t, toRole(identity.RoleNurse), ward.To)
	b.Clock.Advance(time.Minute)
	mine, err := b.Notify(b.Ctx, note(to(firstID)))
	require.NoError(t, err)
	b.Clock.Advance(time.Minute)
	desk, err := b.Notify(b.Ctx, note(toRole(identity.RoleReceptionist)))
	require.NoError(t, err)

	require.Equal(t, []inbox.Notification{desk, mine, ward}, b.inbox(t, first, false), "the newest first")
	require.Equal(t, []inbox.Notification{ward}, b.inbox(t, second, false))
	require.Empty(t, b.inbox(t, doctor, false))
	_, err = b.GetNotification(doctor, ward.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	_, err = b.GetNotification(dbtest.New(t).As(t, identity.RoleNurse), ward.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound, "another tenant's nurse")
	_, err = b.ListNotifications(b.Ctx, inbox.ListNotificationsInput{})
	require.ErrorIs(t, err, inbox.ErrUserRequired)

	n, err := b.MarkRead(first, inbox.MarkReadInput{IDs: []hmstype.NotificationID{ward.ID, ward.ID}})
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	n, err = b.MarkRead(first, inbox.MarkReadInput{IDs: []hmstype.NotificationID{ward.ID}})
	require.NoError(t, err)
	require.Zero(t, n, "the first time stands")
	ward.ReadAt = b.Clock.Now()
	require.Equal(t, []inbox.Notification{desk, mine, ward}, b.inbox(t, first, false))
	require.Len(t, b.inbox(t, first, true), 2)
	require.Len(t, b.inbox(t, second, true), 1, "each member reads for himself")
	_, err = b.MarkRead(second, inbox.MarkReadInput{IDs: []hmstype.NotificationID{ward.ID, mine.ID}})
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	require.Len(t, b.inbox(t, second, true), 1, "and then none is marked")

	_, err = b.Identity.SetUserRoles(b.Ctx, identity.SetUserRolesInput{
		ID: secondID, Roles: []string{identity.RoleReceptionist},
	})
	require.NoError(t, err)
	require.Equal(t, []inbox.Notification{desk}, b.inbox(t, second, false), "the roles that he holds now")
}

func TestService_MarkAllRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nurse, nurseID := b.person(t, identity.RoleNurse)
	for range 3 {
		_, err := b.Notify(b.Ctx, note(to(nurseID)))
		require.NoError(t, err)
		_, err = b.Notify(b.Ctx, note(toRole(identity.RoleNurse)))
		require.NoError(t, err)
		b.Clock.Advance(time.Minute)
	}
	marked, err := b.MarkAllRead(nurse, inbox.MarkAllReadInput{UpTo: dbtest.Start.Add(time.Minute)})
	require.NoError(t, err)
	require.EqualValues(t, 4, marked)
	left, err := b.CountUnreadNotifications(nurse)
	require.NoError(t, err)
	require.EqualValues(t, 2, left)
	require.Len(t, b.inbox(t, nurse, true), 2)
	marked, err = b.MarkAllRead(nurse, inbox.MarkAllReadInput{})
	require.NoError(t, err)
	require.EqualValues(t, 2, marked)
	marked, err = b.MarkAllRead(nurse, inbox.MarkAllReadInput{})
	require.NoError(t, err)
	require.Zero(t, marked)

	loner, _ := b.person(t, identity.RoleDoctor)
	marked, err = b.MarkAllRead(loner, inbox.MarkAllReadInput{})
	require.NoError(t, err)
	require.Zero(t, marked)
}

// A page of the merged inbox is what one would cut out of the whole list, whatever the page
// size, and however many notifications were sent at one instant.
func TestNotifications_PagesAreTheWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nurse, nurseID := b.person(t, identity.RoleNurse, identity.RoleReceptionist)
	recipients := []inbox.Recipient{to(nurseID), toRole(identity.RoleNurse), toRole(identity.RoleReceptionist)}
	for i := range 20 {
		_, err := b.Notify(b.Ctx, note(recipients[i*i%3]))
		require.NoError(t, err)
		if i%4 == 0 {
			b.Clock.Advance(time.Second)
		}
	}
	whole := b.inbox(t, nurse, false)
	require.Len(t, whole, 20)
	for limit := 1; limit <= len(whole)+1; limit++ {
		var pages []inbox.Notification
		in := inbox.ListNotificationsInput{Page: hmstype.Page{Limit: limit}}
		for len(pages) <= len(whole) {
			list, err := b.ListNotifications(nurse, in)
			require.NoError(t, err)
			pages = append(pages, list.Items...)
			if in.Page.Cursor = list.Next; list.Next == "" {
				break
			}
			require.Len(t, list.Items, limit)
		}
		require.Equal(t, whole, pages, "in pages of %d", limit)
	}
}

func TestMarkRead_ConcurrentOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nurse, nurseID := b.person(t, identity.RoleNurse)
	var ids []hmstype.NotificationID
	for range 5 {
		n, err := b.Notify(b.Ctx, note(to(nurseID)))
		require.NoError(t, err)
		ids = append(ids, n.ID)
	}
	marked := make([]int64, 12)
	var wg sync.WaitGroup
	for i := range marked {
		wg.Go(func() {
			var err error
			if i%2 == 0 {
				marked[i], err = b.MarkRead(nurse, inbox.MarkReadInput{IDs: ids})
			} else {
				marked[i], err = b.MarkAllRead(nurse, inbox.MarkAllReadInput{})
			}
			if err != nil {
				t.Errorf("mark: %v", err)
			}
		})
	}
	wg.Wait()
	sum := int64(0)
	for _, n := range marked {
		sum += n
	}
	require.EqualValues(t, len(ids), sum, "each notification was new to him once")
}

func TestNotification_Restricted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	vip := b.patient(t, true)
	nurse, nurseID := b.person(t, identity.RoleNurse)
	admin, adminID := b.person(t, identity.RoleAdmin)
	in := note(to(nurseID))
	in.Patient = vip
	n, err := b.Notify(b.Ctx, in)
	require.NoError(t, err)
	in.To = to(adminID)
	other, err := b.Notify(b.Ctx, in)
	require.NoError(t, err)

	list := b.inbox(t, nurse, false)
	require.True(t, list[0].Withheld)
	require.Empty(t, list[0].Title+list[0].Body)
	require.Equal(t, vip, list[0].Patient, "that something waits is not withheld")
	_, err = b.GetNotification(nurse, n.ID)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	require.Equal(t, "Title", b.inbox(t, admin, false)[0].Title)
	_, err = b.GetNotification(admin, other.ID)
	require.NoError(t, err)

	b.glass(t, nurse, vip)
	opened, err := b.GetNotification(nurse, n.ID)
	require.NoError(t, err)
	require.Equal(t, "Body", opened.Body)
}

// TestNotification_Guards tries by SQL, as superuser, what must never be.
func TestNotification_Guards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nurse, nurseID := b.person(t, identity.RoleNurse)
	n, err := b.Notify(b.Ctx, note(to(nurseID)))
	require.NoError(t, err)
	_, err = b.MarkRead(nurse, inbox.MarkReadInput{IDs: []hmstype.NotificationID{n.ID}})
	require.NoError(t, err)
	insert := `INSERT INTO hms.notification (tenant_id, id, user_id, role_id, category, priority, title, patient_id,
		sealed_for, entity, created_by, created_at, expires_at)
		SELECT tenant_id, gen_random_uuid(), `
	for name, tt := range map[string]struct{ state, query string }{
		"Changed": {"HM002", `UPDATE hms.notification SET title = 'x' WHERE id = ?0`},
		"Removed": {"HM002", `DELETE FROM hms.notification WHERE id = ?0`},
		"Unread":  {"HM002", `DELETE FROM hms.notification_read WHERE notification_id = ?0`},
		"ToNobody": {
			"23514",
			insert +
				`NULL, NULL, category, priority, title, patient_id, sealed_for, entity, created_by, created_at, expires_at
					FROM hms.notification WHERE id = ?0`,
		},
		"ToBoth": {
			"23514",
			insert +
				`user_id, gen_random_uuid(), category, priority, title, patient_id, sealed_for, entity, created_by, created_at,
					expires_at FROM hms.notification WHERE id = ?0`,
		},
		"Priority": {
			"23514",
			insert +
				`user_id, NULL, category, 'soon', title, patient_id, sealed_for, entity, created_by, created_at, expires_at
					FROM hms.notification WHERE id = ?0`,
		},
		"Category": {
			"23514",
			insert +
				`user_id, NULL, 'A b', priority, title, patient_id, sealed_for, entity, created_by, created_at, expires_at
					FROM hms.notification WHERE id = ?0`,
		},
		"OthersKey": {
			"23514",
			insert +
				`user_id, NULL, category, priority, title, patient_id, id, entity, created_by, created_at, expires_at
					FROM hms.notification WHERE id = ?0`,
		},
		"HalfALink": {
			"23514",
			insert +
				`user_id, NULL, category, priority, title, patient_id, sealed_for, 'bed', created_by, created_at, expires_at
					FROM hms.notification WHERE id = ?0`,
		},
		"OverAtOnce": {
			"23514",
			insert +
				`user_id, NULL, category, priority, title, patient_id, sealed_for, entity, created_by, created_at, created_at
					FROM hms.notification WHERE id = ?0`,
		},
		"NobodysRole": {
			"23503",
			insert +
				`NULL, gen_random_uuid(), category, priority, title, patient_id, sealed_for, entity, created_by, created_at,
					expires_at FROM hms.notification WHERE id = ?0`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.DB.NewRaw(tt.query, n.ID).Exec(t.Context())
			require.Equal(t, tt.state, dbx.SQLState(err), "%v", err)
		})
	}
}
