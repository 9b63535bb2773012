// Package fieldcrypt encrypts single fields of rows, and makes the tokens by which an
// encrypted field can still be found by its exact value.
//
// # Keys
//
//	host's key-encryption key  wraps  a tenant's data keyset and index keyset (Tink)
//	tenant's data keyset       wraps  one 256-bit key per subject and epoch
//	subject's key              seals  fields, by AES-256-GCM
//	tenant's index keyset      makes  blind-index tokens, by HMAC-SHA-256 as a PRF
//
// A subject is the person whose field it is, a patient or a user, or the tenant itself: to
// destroy a subject's keys makes all its fields unreadable ([Cipher.Shred]). The wrapped
// keys lie in the database and are read in each use case's own transaction, so that a destroyed
// key is gone at once in every process and a key of a rolled-back use case was never used; only
// the result of unwrapping is kept in memory.
//
// # Stored form
//
//	hms1:<epoch>:<base64 of nonce, ciphertext and tag>
//
// The text is padded to a multiple of 16 bytes, since a length tells much of a name. The
// associated data are the tenant, the field's logical name and the row, each with its
// length: a ciphertext that is copied to another row, field or tenant does not open. The
// empty text stays empty: that somebody has no telephone is not hidden.
//
// # Rotation
//
// [Cipher.Rotate] adds a key to the tenant's keyset and begins a new epoch. From then on
// every write seals under a key of the new epoch, and [Cipher.Reencrypt] brings the rest
// along in small steps while the hospital works. The index keyset does not rotate: two
// tokens of one value would let a unique identifier be given twice.
//
// # Without a key-encryption key
//
// Fields are stored as they are. A tenant whose data were encrypted once is refused then
// ([ErrKeyMissing]); nothing falls back to clear text.
package fieldcrypt
