// Package hospital holds the suites that follow a hospital through several domains: the lived day
// (internal/day) with its checks of the whole, its purge when it has become old, the
// way from a prescription to a payment, and who may not do two things alone. It has tests only.
package hospital
