-- Everybody who has or had a device; see the file of the same name for MySQL.

-- +goose Up

CREATE TABLE device_owner (
    user_id TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
