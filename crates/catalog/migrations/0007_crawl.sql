-- What crawls remember between each other, so that the next one asks for less.

-- A directory's own time in the master tree: a mirror's page that shows the same for it has the same
-- names in it.
ALTER TABLE scan_directory ADD COLUMN timestamp_unix_s @int;

-- When a host was last crawled, how that went, and until when it asked to be left alone.
CREATE TABLE crawl_host (
    host_id @id REFERENCES host (id) ON DELETE CASCADE,
    crawled_unix_s @int NOT NULL CHECK (crawled_unix_s >= 0),
    rounds @int NOT NULL CHECK (rounds >= 0),
    failures @int NOT NULL CHECK (failures >= 0),
    later_unix_s @int NOT NULL CHECK (later_unix_s >= 0),
    requests @int NOT NULL CHECK (requests >= 0),
    duration_ms @int NOT NULL CHECK (duration_ms >= 0),
    reason TEXT NOT NULL CHECK (length(reason) <= 255)
) @strict;

-- What tells one version of a mirror's pages and indexes from another, by directory; see
-- src/crawl.rs.
CREATE TABLE mirror_validator (
    mirror_id @id REFERENCES mirror (id) ON DELETE CASCADE,
    validators @bytes NOT NULL
) @strict;
