package hmstype

import "log/slog"

// Secret is text that must not be seen: a password, a token, a code. Whatever prints,
// formats, logs or marshals it shows a mark instead; only [Secret.Reveal] gives it.
type Secret string

// redacted is what is shown of every secret, also of an empty one.
const redacted = "[secret]"

// Reveal gives the text.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer and shows nothing.
func (Secret) String() string { return redacted }

// GoString implements fmt.GoStringer and shows nothing.
func (Secret) GoString() string { return redacted }

// MarshalText implements encoding.TextMarshaler, for JSON and most loggers, and shows nothing.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText implements encoding.TextUnmarshaler: a secret may arrive in JSON.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(text)
	return nil
}

// LogValue implements slog.LogValuer and shows nothing.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
