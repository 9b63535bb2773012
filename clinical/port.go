package clinical

import "github.com/chelal/hms/internal/usecase"

// Port is what other services ask of encounters, prescriptions and allergies inside the transaction of a use case that
// asked for its permission. Only hms.New can make one.
type Port struct{ base usecase.Base }

// NewPort makes the port; hms.New calls it, and nobody else can name its parameter's type.
func NewPort(base usecase.Base) Port { return Port{base: base} }
