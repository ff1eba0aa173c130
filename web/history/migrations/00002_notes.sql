-- +goose Up
CREATE TABLE notes (
    device  VARCHAR(256) NOT NULL PRIMARY KEY,
    text    TEXT         NOT NULL,
    until   BIGINT       NOT NULL,
    changed BIGINT       NOT NULL,
    by_whom VARCHAR(128) NOT NULL,
    name    VARCHAR(256) NOT NULL
);

-- +goose Down
DROP TABLE notes;
