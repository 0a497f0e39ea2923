-- People who may do something, and what programs of theirs show instead of a password. Nothing
-- could put a row into the tables of these names before this step, nor into those of products.

DROP TABLE token;
DROP TABLE account;

CREATE TABLE account (
    id @id,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    role TEXT NOT NULL CHECK (role IN ('admin', 'editor', 'viewer')),
    active @bool NOT NULL,
    contact TEXT NOT NULL CHECK (length(contact) <= 255),
    password_hash TEXT CHECK (password_hash LIKE '$argon2%'),
    password_unix_s @int CHECK (password_unix_s >= 0),
    CHECK ((password_hash IS NULL) = (password_unix_s IS NULL))
) @strict;

CREATE TABLE token (
    id @id,
    account_id @int NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64),
    created_unix_s @int NOT NULL CHECK (created_unix_s >= 0),
    expires_unix_s @int CHECK (expires_unix_s > created_unix_s),
    UNIQUE (account_id, name)
) @strict;

ALTER TABLE repository DROP COLUMN version_id;
ALTER TABLE category DROP COLUMN product_id;
DROP TABLE version;
DROP TABLE product;
