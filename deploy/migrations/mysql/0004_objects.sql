-- Who owns which object, uploads that are not finished, and what users store. The
-- bytes are with the providers.

-- +goose NO TRANSACTION
-- +goose Up

-- An object, or a claim to its key (stored 0), which is good as long as an upload
-- of the key is neither completed nor expired. (STORED is a word of MySQL's and TiDB's.)
CREATE TABLE IF NOT EXISTS oss_object (
    id         BIGINT          NOT NULL AUTO_INCREMENT,
    app_id     VARBINARY(255)  NOT NULL,
    provider   VARBINARY(16)   NOT NULL,
    bucket     VARBINARY(255)  NOT NULL,
    object_key VARBINARY(1024) NOT NULL,
    owner      VARBINARY(64)   NOT NULL,
    `stored`   TINYINT         NOT NULL,
    size       BIGINT          NOT NULL,
    changed_at BIGINT          NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY oss_object_name (object_key, app_id, provider, bucket)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- remote is the provider's id of an upload in parts; digest is of the parts that it
-- is being or was completed with. Times are Unix milliseconds, sizes bytes.
CREATE TABLE IF NOT EXISTS oss_upload (
    id         VARBINARY(32)   NOT NULL,
    app_id     VARBINARY(255)  NOT NULL,
    provider   VARBINARY(16)   NOT NULL,
    bucket     VARBINARY(255)  NOT NULL,
    object_key VARBINARY(1024) NOT NULL,
    owner      VARBINARY(64)   NOT NULL,
    whole      TINYINT         NOT NULL,
    remote     VARBINARY(1024) NOT NULL,
    reserved   BIGINT          NOT NULL,
    completed  TINYINT         NOT NULL,
    digest     VARBINARY(32)   NOT NULL,
    started_at BIGINT          NOT NULL,
    expires_at BIGINT          NOT NULL,
    PRIMARY KEY (id),
    KEY oss_upload_name (object_key, app_id, provider, bucket),
    KEY oss_upload_end (expires_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- A part that was signed and, when it has an etag, written; reserved is the most that
-- it may have now.
CREATE TABLE IF NOT EXISTS oss_part (
    upload_id VARBINARY(32)  NOT NULL,
    number    INT            NOT NULL,
    size      BIGINT         NOT NULL,
    reserved  BIGINT         NOT NULL,
    etag      VARBINARY(255) NOT NULL,
    PRIMARY KEY (upload_id, number)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The bytes that a user has stored and begun to store.
CREATE TABLE IF NOT EXISTS oss_usage (
    app_id VARBINARY(255) NOT NULL,
    owner  VARBINARY(64)  NOT NULL,
    bytes  BIGINT         NOT NULL,
    PRIMARY KEY (app_id, owner)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
