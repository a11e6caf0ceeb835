-- The event log, the group facts that it judges by, and the devices whose
-- cursors move along it. docs/architecture.md explains the columns.
--
-- Names are TEXT, which SQLite compares byte by byte unless told otherwise, and
-- bytes are BLOB. The two never equal each other, so STRICT tables see to it
-- that nobody stores one for the other. An audience column that is not used is
-- NULL and left out of its index.

-- +goose Up

-- One row. Whoever appends holds the write lock until the commit anyway; the
-- row is where the position is kept. epoch is a random number, and another
-- one after each time that the database went back in time and the position was
-- raised above what clients had seen.
CREATE TABLE log_position (
    id     INTEGER NOT NULL PRIMARY KEY,
    pos    INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    ticket INTEGER NOT NULL,
    epoch  INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO log_position (id, pos, at, ticket, epoch) VALUES (1, 0, 0, 0, random() & 0x1fffffffffffff);

CREATE TABLE log_event (
    pos      INTEGER NOT NULL PRIMARY KEY,
    scope    TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    author   TEXT    NOT NULL,
    user_a   TEXT,
    user_b   TEXT,
    group_id INTEGER,
    conv     BLOB,
    kind     INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    body     BLOB
) STRICT;

CREATE UNIQUE INDEX log_event_id ON log_event (scope, id);
CREATE INDEX log_event_user_a ON log_event (user_a, pos, kind) WHERE user_a IS NOT NULL;
CREATE INDEX log_event_user_b ON log_event (user_b, pos, kind) WHERE user_b IS NOT NULL;
CREATE INDEX log_event_group ON log_event (group_id, pos, kind) WHERE group_id IS NOT NULL;
CREATE INDEX log_event_conv ON log_event (conv, pos) WHERE conv IS NOT NULL;

CREATE TABLE log_group (
    group_id  INTEGER NOT NULL PRIMARY KEY,
    status    INTEGER NOT NULL,
    mute_all  INTEGER NOT NULL,
    closed_at INTEGER NOT NULL DEFAULT 0
) STRICT;

-- An interval of positions in which a user belongs to a group. The open one of
-- a user ends at 9223372036854775807, so the key also forbids a second one.
CREATE TABLE log_member (
    group_id    INTEGER NOT NULL,
    user_id     TEXT    NOT NULL,
    from_pos    INTEGER NOT NULL,
    to_pos      INTEGER NOT NULL,
    role        INTEGER NOT NULL,
    muted_until INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (group_id, user_id, to_pos)
) STRICT, WITHOUT ROWID;

CREATE INDEX log_member_user ON log_member (user_id, from_pos);

CREATE TABLE log_focus (
    pos     INTEGER NOT NULL,
    user_id TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (pos, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE device (
    user_id    TEXT    NOT NULL,
    type       INTEGER NOT NULL,
    uuid       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    push_token TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    cursor_pos INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, type, uuid)
) STRICT, WITHOUT ROWID;

CREATE INDEX device_user ON device (user_id, at);
