package identity

// HashForBenchmark computes one hash with these parameters.
func HashForBenchmark(params Argon2) []byte {
	return params.derive("a password of a person", make([]byte, saltBytes))
}
