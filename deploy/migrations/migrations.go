// Package migrations holds the versions of the database schema: for each
// dialect a folder of files NNNN_name.sql, in the form of goose, which are
// built into the binary. A version exists in both folders or in none. A file
// that was released is never changed, and none has a way down: a schema of
// yesterday comes back with yesterday's backup.
//
// Servers of MySQL's protocol commit before and after every CREATE and ALTER,
// so a file there may stop half-way. Each of its statements must therefore do
// no harm when it is run again.
package migrations

import "embed"

// Files has the folders mysql and sqlite.
//
//go:embed mysql/*.sql sqlite/*.sql
var Files embed.FS
