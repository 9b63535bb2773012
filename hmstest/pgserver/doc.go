// Package pgserver finds or starts a real PostgreSQL, for tests and for the demo.
//
// It looks in this order, and says which way it took:
//
//  1. the server that HMS_DATABASE_URL names;
//  2. a container, where a Docker engine answers and has the image or can pull it within
//     seconds (HMS_POSTGRES_IMAGE names another image than the official one);
//  3. PostgreSQL's own binaries on this machine: a throw-away cluster in a temporary
//     folder, run by an unprivileged user where the process is root's;
//  4. binaries that embedded-postgres downloads once and caches.
//
// HMS_POSTGRES may name one way (container, local, embedded), and then only that is
// tried. Where none works, one error lists what was tried and how to mend each.
//
// It owns servers. It does not own databases, schemas or tests: it does not import
// package testing, so that a program may use it too.
package pgserver
