-- The event log, the group facts that it judges by, and the devices whose
-- cursors move along it. docs/architecture.md explains the columns.
--
-- Names are VARBINARY, because every collation of text pads or folds, and
-- 'm1', 'm1 ' and 'M1' are three names. An audience column that is not used is
-- NULL: such entries follow each other at the end of one range of the index,
-- where nobody searches.

-- +goose NO TRANSACTION
-- +goose Up

-- One row. Whoever appends holds its lock until the commit. epoch is a
-- random number, and another one after each time that the database went back in
-- time and the position was raised above what clients had seen.
CREATE TABLE IF NOT EXISTS log_position (
    id     TINYINT NOT NULL,
    pos    BIGINT  NOT NULL,
    at     BIGINT  NOT NULL,
    ticket BIGINT  NOT NULL,
    epoch  BIGINT  NOT NULL DEFAULT 0,
    PRIMARY KEY (id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT IGNORE INTO log_position (id, pos, at, ticket, epoch) VALUES (1, 0, 0, 0, FLOOR(RAND() * 9007199254740992));

CREATE TABLE IF NOT EXISTS log_event (
    pos      BIGINT         NOT NULL,
    scope    VARBINARY(64)  NOT NULL,
    id       VARBINARY(160) NOT NULL,
    author   VARBINARY(64)  NOT NULL,
    user_a   VARBINARY(64)  NULL,
    user_b   VARBINARY(64)  NULL,
    group_id BIGINT         NULL,
    conv     BINARY(16)     NULL,
    kind     TINYINT        NOT NULL,
    at       BIGINT         NOT NULL,
    body     MEDIUMBLOB     NULL,
    PRIMARY KEY (pos),
    UNIQUE KEY log_event_id (scope, id),
    KEY log_event_user_a (user_a, pos, kind),
    KEY log_event_user_b (user_b, pos, kind),
    KEY log_event_group (group_id, pos, kind),
    KEY log_event_conv (conv, pos)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS log_group (
    group_id  BIGINT  NOT NULL,
    status    TINYINT NOT NULL,
    mute_all  TINYINT NOT NULL,
    closed_at BIGINT  NOT NULL DEFAULT 0,
    PRIMARY KEY (group_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- An interval of positions in which a user belongs to a group. The open one of
-- a user ends at 9223372036854775807, so the key also forbids a second one.
CREATE TABLE IF NOT EXISTS log_member (
    group_id    BIGINT        NOT NULL,
    user_id     VARBINARY(64) NOT NULL,
    from_pos    BIGINT        NOT NULL,
    to_pos      BIGINT        NOT NULL,
    role        TINYINT       NOT NULL,
    muted_until BIGINT        NOT NULL DEFAULT 0,
    PRIMARY KEY (group_id, user_id, to_pos),
    KEY log_member_user (user_id, from_pos)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS log_focus (
    pos     BIGINT        NOT NULL,
    user_id VARBINARY(64) NOT NULL,
    at      BIGINT        NOT NULL,
    PRIMARY KEY (pos, user_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS device (
    user_id    VARBINARY(64)  NOT NULL,
    type       TINYINT        NOT NULL,
    uuid       VARBINARY(64)  NOT NULL,
    name       VARBINARY(255) NOT NULL,
    push_token VARBINARY(512) NOT NULL,
    at         BIGINT         NOT NULL,
    cursor_pos BIGINT         NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, type, uuid),
    KEY device_user (user_id, at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
