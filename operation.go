package hms

import (
	"reflect"

	"github.com/chelal/hms/internal/usecase"
)

// Operation is a use case by name, for hooks, dashboards and pages on who may do what.
type Operation struct {
	Name       string     // domain.method_in_snake_case, such as "pharmacy.dispense"
	Permission Permission // what the actor must hold; empty where the caller proves himself, as by a password
	Writes     bool       // whether it may change state
	// RecentProof says that a person must have proved within [hmstype.RecentProof] who he is:
	// [hmstype.ErrProofRequired] otherwise.
	RecentProof bool
	HostOnly    bool         // whether nobody but the host's own actor may, whatever he holds
	Input       reflect.Type // of [hmstype.HookCall.Input]; nil for none
	Result      reflect.Type // of [hmstype.HookCall.Result]; nil for none
}

// Operations lists every use case of the library, by name.
func Operations() []Operation {
	declared := usecase.Declared()
	list := make([]Operation, len(declared))
	for i, info := range declared {
		input, result := info.Seen()
		list[i] = Operation{
			Name: info.Name, Permission: info.Permission, Writes: info.Writes, RecentProof: info.RecentProof,
			HostOnly: info.HostOnly,
			Input:    input, Result: result,
		}
	}
	return list
}
