-- +goose Up
ALTER TABLE calls ADD COLUMN names TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE calls DROP COLUMN names;
