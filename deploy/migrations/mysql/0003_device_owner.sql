-- Everybody who has or had a device, so that two devices that come in at once
-- have a row to meet at.

-- +goose NO TRANSACTION
-- +goose Up

CREATE TABLE IF NOT EXISTS device_owner (
    user_id VARBINARY(64) NOT NULL,
    PRIMARY KEY (user_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
