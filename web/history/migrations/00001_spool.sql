-- +goose Up
CREATE TABLE calls (
    id             VARCHAR(40)  NOT NULL PRIMARY KEY,
    call_id        VARCHAR(256) NOT NULL,
    pbx            VARCHAR(64)  NOT NULL,
    began          BIGINT       NOT NULL,
    answered       BIGINT       NOT NULL,
    ended          BIGINT       NOT NULL,
    calling_device VARCHAR(256) NOT NULL,
    calling_number VARCHAR(256) NOT NULL,
    calling_name   VARCHAR(256) NOT NULL,
    calling_shown  VARCHAR(16)  NOT NULL,
    called_device  VARCHAR(256) NOT NULL,
    called_number  VARCHAR(256) NOT NULL,
    called_name    VARCHAR(256) NOT NULL,
    called_shown   VARCHAR(16)  NOT NULL,
    rang           BIGINT       NOT NULL,
    talked         BIGINT       NOT NULL,
    held           BIGINT       NOT NULL,
    outcome        VARCHAR(16)  NOT NULL,
    cause          VARCHAR(64)  NOT NULL,
    transferred_by VARCHAR(256) NOT NULL,
    transferred_to VARCHAR(256) NOT NULL,
    joined_to      VARCHAR(256) NOT NULL,
    by_whom        VARCHAR(256) NOT NULL,
    reference      VARCHAR(256) NOT NULL
);
CREATE INDEX calls_ended ON calls (ended);
CREATE INDEX calls_reference ON calls (reference);
CREATE INDEX calls_by ON calls (by_whom);

CREATE TABLE legs (
    call_row VARCHAR(40)  NOT NULL,
    n        INTEGER      NOT NULL,
    device   VARCHAR(256) NOT NULL,
    number   VARCHAR(256) NOT NULL,
    name     VARCHAR(256) NOT NULL,
    shown    VARCHAR(16)  NOT NULL,
    state    VARCHAR(16)  NOT NULL,
    since    BIGINT       NOT NULL,
    began    BIGINT       NOT NULL,
    answered BIGINT       NOT NULL,
    ended    BIGINT       NOT NULL,
    rang     BIGINT       NOT NULL,
    talked   BIGINT       NOT NULL,
    held     BIGINT       NOT NULL,
    outcome  VARCHAR(16)  NOT NULL,
    PRIMARY KEY (call_row, n)
);
CREATE INDEX legs_device ON legs (device, call_row);
CREATE INDEX legs_number ON legs (number);

CREATE TABLE records (
    kind  VARCHAR(16)  NOT NULL,
    id    VARCHAR(128) NOT NULL,
    value TEXT         NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE TABLE versions (
    name VARCHAR(16) NOT NULL PRIMARY KEY,
    n    BIGINT      NOT NULL
);
INSERT INTO versions (name, n) VALUES ('records', 1);

CREATE TABLE acts (
    owner    VARCHAR(128) NOT NULL,
    name     VARCHAR(256) NOT NULL,
    request  VARCHAR(64)  NOT NULL,
    device   VARCHAR(256) NOT NULL,
    began    BIGINT       NOT NULL,
    process  VARCHAR(64)  NOT NULL,
    status   INTEGER      NOT NULL,
    headers  TEXT         NOT NULL,
    body     TEXT         NOT NULL,
    PRIMARY KEY (owner, name)
);
CREATE INDEX acts_began ON acts (began);

CREATE TABLE outbox (
    id       BIGINT       NOT NULL PRIMARY KEY,
    webhook  VARCHAR(40)  NOT NULL,
    message  VARCHAR(80)  NOT NULL,
    ordered  VARCHAR(256) NOT NULL,
    document TEXT         NOT NULL,
    created  BIGINT       NOT NULL,
    tries    INTEGER      NOT NULL,
    next_try BIGINT       NOT NULL,
    dead     BIGINT       NOT NULL,
    said     VARCHAR(512) NOT NULL
);
CREATE INDEX outbox_webhook ON outbox (webhook, dead, id);

-- +goose Down
DROP TABLE outbox;
DROP TABLE acts;
DROP TABLE versions;
DROP TABLE records;
DROP TABLE legs;
DROP TABLE calls;
