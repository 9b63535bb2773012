package audit

// Category is what an event is to the rules of retention.
type Category string

// The categories. A month of the trail goes as a whole, so it stays until the longest period
// of the categories in it has passed.
const (
	CategoryAccess Category = "access" // reads and searches, and refusals that told of a patient
	// rows that were created, changed, deleted; whatever is of no other category
	CategoryChange Category = "change"
	// logins, refusals, break-glass, accounts and roles, verifications, purges, holds
	CategorySecurity   Category = "security"
	CategoryDisclosure Category = "disclosure" // data that left the system (45 CFR 164.528)
)

// Categories lists them.
func Categories() []Category {
	return []Category{CategoryAccess, CategoryChange, CategorySecurity, CategoryDisclosure}
}

// CategoryOf gives the category of an event by its action and entity, as the database does
// (hms.audit_category).
func CategoryOf(action Action, entity string) Category {
	if action == ActionExport || entity == "disclosure" {
		return CategoryDisclosure
	}
	switch action {
	case ActionLogin, ActionLogout, ActionLoginFailed, ActionDenied, ActionVerify, ActionPurge, ActionImport:
		return CategorySecurity
	}
	switch entity {
	case "break_glass", "external_identity", "legal_hold", "retention_policy", "role", "user_account", "user_role":
		return CategorySecurity
	}
	if action == ActionRead || action == ActionSearch || action == ActionMatched {
		return CategoryAccess
	}
	return CategoryChange
}

// The periods of retention, in months.
const (
	// DefaultKeepMonths is how long events are kept of which no policy speaks: the six years
	// of 45 CFR 164.316(b)(2)(i) for records of security, and of 164.528(a)(1) for disclosures.
	DefaultKeepMonths = 72
	// MinKeepMonths is the least that a policy may say outside the United States: the year up
	// to which CNIL, délibération 2021-122, asks for logs, so that no purge reaches what may
	// just now have come to light.
	MinKeepMonths = 12
	// MinKeepMonthsUS is the least in the jurisdiction US and its states (the same rules).
	MinKeepMonthsUS = 72
	// MaxKeepMonths is a hundred years.
	MaxKeepMonths = 1200
)
