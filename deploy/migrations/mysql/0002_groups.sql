-- Groups, their members, and applications to join them. What the event log
-- judges by, roles, mutes and intervals of positions, is in log_group and
-- log_member as well; one transaction writes both.

-- +goose NO TRANSACTION
-- +goose Up

CREATE TABLE IF NOT EXISTS chat_group (
    id          BIGINT          NOT NULL,
    mark_id     VARBINARY(8)    NOT NULL,
    name        VARBINARY(1020) NOT NULL,
    public_name VARBINARY(1020) NOT NULL,
    avatar      VARBINARY(4000) NOT NULL,
    introduce   BLOB            NOT NULL,
    secret      VARBINARY(64)   NOT NULL,
    status      TINYINT         NOT NULL,
    join_type   TINYINT         NOT NULL,
    mute_type   TINYINT         NOT NULL,
    friend_type TINYINT         NOT NULL,
    group_type  TINYINT         NOT NULL,
    maximum     INT             NOT NULL,
    member_num  INT             NOT NULL,
    admin_num   INT             NOT NULL,
    -- How many seats were ever given; the newest member has the last.
    seats       BIGINT          NOT NULL,
    created_at  BIGINT          NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY chat_group_mark (mark_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who is or was in a group. The standing is the order in lists: 0 owner, 1 admin,
-- 2 member, 3 left; within it the seat, which is the order of coming.
CREATE TABLE IF NOT EXISTS group_member (
    group_id    BIGINT         NOT NULL,
    user_id     VARBINARY(64)  NOT NULL,
    standing    TINYINT        NOT NULL,
    seat        BIGINT         NOT NULL,
    name        VARBINARY(512) NOT NULL,
    muted_until BIGINT         NOT NULL,
    PRIMARY KEY (group_id, user_id),
    KEY group_member_order (group_id, standing, seat),
    KEY group_member_mute (group_id, muted_until, standing),
    KEY group_member_user (user_id, standing)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- open is 1 while nobody has answered, and then NULL: so the key allows
-- somebody one open application to a group and any number of old ones. Lists are in
-- the order of ids; the nodes of a TiDB give them in turn only when told so.
CREATE TABLE IF NOT EXISTS group_application (
    id          BIGINT        NOT NULL AUTO_INCREMENT,
    group_id    BIGINT        NOT NULL,
    user_id     VARBINARY(64) NOT NULL,
    inviter     VARBINARY(64) NOT NULL,
    open        TINYINT       NULL,
    outcome     TINYINT       NOT NULL,
    created_at  BIGINT        NOT NULL,
    answered_at BIGINT        NOT NULL,
    answered_by VARBINARY(64) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY group_application_open (group_id, user_id, open),
    KEY group_application_order (group_id, open, id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin /*T![auto_id_cache] AUTO_ID_CACHE = 1 */;
