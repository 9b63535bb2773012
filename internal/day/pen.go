package day

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/day/method"
	"github.com/chelal/hms/outbox"
)

// Pen supplies the day's texts, and sees what comes of them. A path is that of the field which takes
// the text, such as "patient.Register.Details.FirstName".
type Pen interface {
	Text(path string) string                 // about ten characters, never twice the same
	Phone(path string) string                // eleven digits, never twice the same
	Secret(path string) hmstype.Secret       // a good password
	Goes(path, text string)                  // each text of an input, as it goes in
	Made(path string, secret hmstype.Secret) // each secret that a method gave
	Error(method string, err error)          // each error, and nil
	Event(e outbox.Event)                    // each event of the outbox
}

// plain is the pen of those who do not look for the texts again.
type plain struct{ n int }

func (p *plain) next(form string) string {
	p.n++
	return fmt.Sprintf(form, p.n)
}

func (p *plain) Text(string) string  { return p.next("sample%04d") }
func (p *plain) Phone(string) string { return p.next("7654320%04d") }
func (p *plain) Secret(string) hmstype.Secret {
	return hmstype.Secret(p.next("sample%04d, seven green lanterns"))
}
func (*plain) Goes(string, string)         {}
func (*plain) Made(string, hmstype.Secret) {}
func (*plain) Error(string, error)         {}
func (*plain) Event(outbox.Event)          {}

// mail gives a text that is an address.
func (d *Day) mail(path string) string { return d.Pen.Text(path) + "@example.org" }

// byHand marks the fields of which exactly one may be given: the day gives each its text itself.
const byHand = ".Value."

// feed puts a text into each field of an input that is still empty.
func (d *Day) feed(in reflect.Value, name string) {
	for _, l := range method.Leaves(in, name) {
		_, no := TakesNoText(l.Path)
		isEmpty := l.Value.Type() == reflect.TypeFor[string]() && l.Value.Len() == 0
		if !no && isEmpty && !strings.Contains(l.Path, byHand) {
			l.Value.SetString(d.Pen.Text(l.Path))
		}
		d.Pen.Goes(l.Path, l.Value.String())
	}
}

// noText are the fields that cannot take any text, by path or by the path's end, and why.
var noText = map[string]string{
	"*.Cursor": "a cursor of the library's own",
	"identity.CreateTenant.TenantDetails.TimeZone":                 "a name of the IANA database",
	"identity.CreateTenant.TenantDetails.Country":                  "a code of ISO 3166",
	"*.Profile.Language":                                           "a language tag",
	"identity.AcceptInvitation.Token":                              "a token of the library's own, looked for as such",
	"identity.ResetPassword.Token":                                 "a token of the library's own, looked for as such",
	"identity.Authenticate":                                        "a token of the library's own, looked for as such",
	"identity.RotateSession":                                       "a token of the library's own, looked for as such",
	"identity.Logout":                                              "a token of the library's own, looked for as such",
	"identity.ConfirmTOTP":                                         "six digits",
	"identity.Login.Code":                                          "six digits",
	"audit.SetRetentionPolicy.RetentionPolicyDetails.Jurisdiction": "a code of ISO 3166",
	"*.NotificationDetails.Category":                               "a code",
	"inbox.Tasks.Role":                                             "the name of a role, whose own text CreateRole takes",
	"*.To.Role":                                                    "the name of a role, and only one of it and a user",
	"*.Link.Entity":                                                "the name of a table",
	"*.Focus.Entity":                                               "the name of a table",
	"*.CoverageDetails.Relationship":                               "a code of a fixed list",
	"*.Overrides.Finding":                                          "the key of a finding",
	"*.AllergyDetails.Category":                                    "a code of a fixed list",
	"*.AllergyDetails.Criticality":                                 "a code of a fixed list",
	"*.TestDetails.LOINC":                                          "a LOINC code",
	"*.AnalyteDetails.LOINC":                                       "a LOINC code",
	"*.AnalyteDetails.Unit":                                        "a UCUM code",
	"lab.EnterResult.Values.Value.AbsentReason":                    "a code of a fixed list",
	"lab.CorrectResult.Value.AbsentReason":                         "a code of a fixed list",
	"lab.CorrectResult.Value.Code":                                 "a code of the test's own list; EnterResult feeds one",
}

// TakesNoText tells whether a field cannot take any text, and why.
func TakesNoText(path string) (string, bool) {
	if reason, ok := noText[path]; ok {
		return reason, true
	}
	for end, reason := range noText {
		if suffix, ok := strings.CutPrefix(end, "*"); ok && strings.HasSuffix(path, suffix) {
			return reason, true
		}
	}
	return "", false
}
