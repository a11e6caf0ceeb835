-- Groups, their members, and applications to join them; see the file of the
-- same name for MySQL.

-- +goose Up

CREATE TABLE chat_group (
    id          INTEGER PRIMARY KEY,
    mark_id     TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    public_name TEXT    NOT NULL,
    avatar      TEXT    NOT NULL,
    introduce   TEXT    NOT NULL,
    secret      TEXT    NOT NULL,
    status      INTEGER NOT NULL,
    join_type   INTEGER NOT NULL,
    mute_type   INTEGER NOT NULL,
    friend_type INTEGER NOT NULL,
    group_type  INTEGER NOT NULL,
    maximum     INTEGER NOT NULL,
    member_num  INTEGER NOT NULL,
    admin_num   INTEGER NOT NULL,
    seats       INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE group_member (
    group_id    INTEGER NOT NULL,
    user_id     TEXT    NOT NULL,
    standing    INTEGER NOT NULL,
    seat        INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    muted_until INTEGER NOT NULL,
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX group_member_order ON group_member (group_id, standing, seat);
CREATE INDEX group_member_mute ON group_member (group_id, muted_until, standing);
CREATE INDEX group_member_user ON group_member (user_id, standing);

CREATE TABLE group_application (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id    INTEGER NOT NULL,
    user_id     TEXT    NOT NULL,
    inviter     TEXT    NOT NULL,
    open        INTEGER NULL,
    outcome     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    answered_at INTEGER NOT NULL,
    answered_by TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX group_application_open ON group_application (group_id, user_id, open);
CREATE INDEX group_application_order ON group_application (group_id, open, id);
