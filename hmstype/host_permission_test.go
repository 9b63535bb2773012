package hmstype_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
)

func TestPermissions_AreDescribed(t *testing.T) {
	t.Parallel()
	for _, p := range hmstype.Permissions() {
		require.NotEmpty(t, p.Description(), p)
		require.False(t, p.IsHostForm(), p)
	}
	require.Empty(t, hmstype.Permission("radiology.read").Description())
}

func TestCheckHostPermissions(t *testing.T) {
	t.Parallel()
	good := hmstype.HostPermission{Name: "radiology.read", Description: "See images"}
	for name, tt := range map[string]struct {
		change func(*hmstype.HostPermission)
		path   string
	}{
		"TheLibrarysOwn": {func(p *hmstype.HostPermission) { p.Name = hmstype.PermPatientRead }, "p[1].name"},
		"ItsArea":        {func(p *hmstype.HostPermission) { p.Name = "lab.destroy" }, "p[1].name"},
		"ReservedArea":   {func(p *hmstype.HostPermission) { p.Name = "hms.all" }, "p[1].name"},
		"UpperCase":      {func(p *hmstype.HostPermission) { p.Name = "Radiology.read" }, "p[1].name"},
		"OneWord":        {func(p *hmstype.HostPermission) { p.Name = "radiology" }, "p[1].name"},
		"ThreeWords":     {func(p *hmstype.HostPermission) { p.Name = "radiology.read.all" }, "p[1].name"},
		"Space":          {func(p *hmstype.HostPermission) { p.Name = "radiology.read " }, "p[1].name"},
		"Line":           {func(p *hmstype.HostPermission) { p.Name = "radiology.read\n" }, "p[1].name"},
		"Empty":          {func(p *hmstype.HostPermission) { p.Name = "" }, "p[1].name"},
		"Endless": {func(p *hmstype.HostPermission) {
			p.Name = hmstype.Permission("radiology." + strings.Repeat("a", 51))
		}, "p[1].name"},
		"Twice":       {func(p *hmstype.HostPermission) { p.Name = "radiology.read" }, "p[1].name"},
		"Undescribed": {func(p *hmstype.HostPermission) { p.Description = "" }, "p[1].description"},
		"Novel":       {func(p *hmstype.HostPermission) { p.Description = strings.Repeat("a", 201) }, "p[1].description"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			second := hmstype.HostPermission{Name: "radiology.report", Description: "Write reports"}
			var v hmstype.Validator
			hmstype.CheckHostPermissions(&v, "p", []hmstype.HostPermission{good, second})
			require.NoError(t, v.Err())
			tt.change(&second)
			hmstype.CheckHostPermissions(&v, "p", []hmstype.HostPermission{good, second})
			require.Equal(t, tt.path, hmstype.Fields(v.Err())[0].Path)
		})
	}
	var v hmstype.Validator
	hmstype.CheckHostPermissions(&v, "p", make([]hmstype.HostPermission, 201))
	require.Equal(t, "p", hmstype.Fields(v.Err())[0].Path)
}
