-- What the master tree was seen to hold. It is an observation, not a decision: the trail has only
-- what it changes of directories, files and repositories.

-- Where the primary copy of a category is, and when all of it was last seen.
CREATE TABLE scan_origin (
    category_id @id REFERENCES category (id) ON DELETE CASCADE,
    origin TEXT NOT NULL CHECK (length(origin) BETWEEN 1 AND 4096),
    scanned_unix_s @int CHECK (scanned_unix_s >= 0)
) @strict;

-- A directory as it was last seen: a mark that changes when it does (empty when it has to be looked
-- at again), since when it is gone, and its files; see src/scan.rs.
CREATE TABLE scan_directory (
    directory_id @id REFERENCES directory (id) ON DELETE CASCADE,
    mark TEXT NOT NULL CHECK (length(mark) <= 1024),
    gone_unix_s @int CHECK (gone_unix_s >= 0),
    files @bytes NOT NULL
) @strict;

-- How far the hashing of a large file has come.
CREATE TABLE scan_hash (
    directory_id @int NOT NULL REFERENCES directory (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    size_bytes @int NOT NULL CHECK (size_bytes >= 0),
    timestamp_unix_s @int NOT NULL,
    hashed_bytes @int NOT NULL CHECK (hashed_bytes BETWEEN 0 AND size_bytes),
    state @bytes NOT NULL,
    PRIMARY KEY (directory_id, name)
) @strict;
