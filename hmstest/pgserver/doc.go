// Package pgserver finds or starts a real PostgreSQL, for tests and for the demo.
//
// It looks in this order, and says which way it took:
//
//  1. the server that HMS_DATABASE_URL names; where it is set, no other way is tried;
//  2. a container, where a Docker engine answers and has the image or can pull it within
//     seconds (HMS_POSTGRES_IMAGE names another image than [DefaultImage]);
//  3. PostgreSQL's own binaries on this machine: a throw-away cluster in a temporary
//     folder, run by an unprivileged user where the process is root's;
//  4. binaries that embedded-postgres downloads once and caches.
//
// HMS_POSTGRES may name one way (container, local, embedded), and then only that is
// tried. Where none works, one error lists what was tried and how to mend each.
//
// [Start] gives a server to one caller, [Shared] one to all test binaries of a `go test`
// run. Neither outlives its owner: a small shell process, the watchdog, ends the server
// and removes its folder when this process ([Start]) or its parent ([Shared]) is gone,
// also after SIGKILL.
//
// It owns servers, their temporary folders and containers. It does not own databases,
// schemas, roles or tests: it does not import package testing, so that a program may use
// it too. It removes nothing that it did not create: a DataDir that the caller names stays.
//
// A local cluster trusts every account of this machine that reaches 127.0.0.1: it is for
// throw-away data only.
package pgserver
