package dbx

// CommitError is commitError for its tests.
var CommitError = commitError
