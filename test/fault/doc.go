// Package fault holds the suites in which something fails or stands between: a server that is killed, a
// connection that is cut, a transaction of the host's that is rolled back, a port that fails after
// the work, a pooler, a restore on an empty server, a database that cannot serve at start-up. It has
// tests only.
package fault
