-- Which binaries may use the schema, and whether its data are complete.

-- +goose NO TRANSACTION
-- +goose Up

-- One row. A binary must know the version oldest of the schema, or a later one. A
-- migration that takes away what older binaries need raises it; others leave it. While
-- an import has begun and not ended, importing is the epoch of the log that it brings.
CREATE TABLE IF NOT EXISTS installation (
    id        TINYINT NOT NULL,
    oldest    BIGINT  NOT NULL,
    importing BIGINT  NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT IGNORE INTO installation (id, oldest, importing) VALUES (1, 5, NULL);
