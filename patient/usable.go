package patient

// requireUsable refuses a record that is merged or not active.
func (r *patientRow) requireUsable() error {
	switch r.Status {
	case StatusActive:
		return nil
	case StatusMerged:
		return ErrMerged
	default:
		return ErrInactive
	}
}
