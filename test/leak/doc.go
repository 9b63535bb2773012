// Package leak holds the suites that look for what must not be seen: canaries that are fed through every
// field of every method and looked for in errors, logs, spans, metrics, the server's log, the outbox
// and every column; input that has broken programs; and what of restricted patients is shown, to
// whom, and told on the trail. It has tests only.
package leak
