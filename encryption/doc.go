// Package encryption turns the keys of field encryption: a new epoch, the fields that still
// lie under an old one, the wrapping by the host's key; and it destroys those of one person.
// The sealing itself happens inside the packages whose fields they are.
//
// # Rotation without a pause
//
//	epoch, err := h.Encryption.Rotate(ctx)                  // new writes use new keys
//	for { r, err := h.Encryption.Reencrypt(ctx, ...); ... } // until r.Outdated is 0
//
// Each step is a transaction of its own, so it may be stopped and taken up again anywhere,
// by any process. The same two calls encrypt a tenant whose data were in clear.
//
// Two things keep what they had: rows of append-only tables (messages), and the audit
// trail, which holds the ciphertext or, from before encryption, the text of then. Old keys
// therefore stay in the tenant's keyset.
//
// # Erasing a person
//
// [Service.Erase] destroys a patient's keys, unless a legal hold is in the way. Whoever reads
// the record afterwards finds empty text and the mark that he was erased.
//
// # Errors
//
// [ErrOff] without a key-encryption key, [ErrHeld] under a legal hold, [ErrErased] where
// something is to be sealed for a person who was erased; the kinds of package hmstype for the rest.
package encryption
