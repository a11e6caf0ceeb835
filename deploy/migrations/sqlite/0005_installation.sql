-- Which binaries may use the schema; see the file of the same name for MySQL.

-- +goose Up

CREATE TABLE installation (
    id        INTEGER NOT NULL PRIMARY KEY,
    oldest    INTEGER NOT NULL,
    importing INTEGER
) STRICT;

INSERT INTO installation (id, oldest, importing) VALUES (1, 5, NULL);
