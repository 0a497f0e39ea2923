-- Work that one process at a time may do, and what tells this catalog from every other.

-- The fence rises with each new holder; what was done under a smaller one must not count.
CREATE TABLE lease (
    name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 255),
    holder TEXT NOT NULL CHECK (length(holder) <= 255),
    expires_unix_ms @int NOT NULL CHECK (expires_unix_ms >= 0),
    fence @int NOT NULL CHECK (fence >= 0)
) @strict;

CREATE TABLE catalog_identity (
    id @id CHECK (id = 1),
    identity TEXT NOT NULL CHECK (length(identity) = 32)
) @strict;
INSERT INTO catalog_identity (id, identity) VALUES (1, @random);
