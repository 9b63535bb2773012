package identity

import "context"

// HoldHashes lets no password be looked at until release is called.
func (s *Service) HoldHashes(ctx context.Context) (release func(), err error) {
	for range cap(s.hasher.slots) {
		if err := s.hasher.acquire(ctx); err != nil {
			return nil, err
		}
	}
	return func() {
		for range cap(s.hasher.slots) {
			<-s.hasher.slots
		}
	}, nil
}

// HashForBenchmark computes one hash with these parameters.
func HashForBenchmark(params Argon2) []byte {
	return params.derive("a password of a person", make([]byte, saltBytes))
}
