-- Objects and uploads; see the file of the same name for MySQL.

-- +goose Up

CREATE TABLE oss_object (
    id         INTEGER NOT NULL PRIMARY KEY,
    app_id     TEXT    NOT NULL,
    provider   TEXT    NOT NULL,
    bucket     TEXT    NOT NULL,
    object_key TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    stored     INTEGER NOT NULL,
    size       INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX oss_object_name ON oss_object (object_key, app_id, provider, bucket);

CREATE TABLE oss_upload (
    id         TEXT    NOT NULL PRIMARY KEY,
    app_id     TEXT    NOT NULL,
    provider   TEXT    NOT NULL,
    bucket     TEXT    NOT NULL,
    object_key TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    whole      INTEGER NOT NULL,
    remote     TEXT    NOT NULL,
    reserved   INTEGER NOT NULL,
    completed  INTEGER NOT NULL,
    digest     BLOB    NOT NULL,
    started_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX oss_upload_name ON oss_upload (object_key, app_id, provider, bucket);
CREATE INDEX oss_upload_end ON oss_upload (expires_at);

CREATE TABLE oss_part (
    upload_id TEXT    NOT NULL,
    number    INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    reserved  INTEGER NOT NULL,
    etag      TEXT    NOT NULL,
    PRIMARY KEY (upload_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE oss_usage (
    app_id TEXT    NOT NULL,
    owner  TEXT    NOT NULL,
    bytes  INTEGER NOT NULL,
    PRIMARY KEY (app_id, owner)
) STRICT, WITHOUT ROWID;
