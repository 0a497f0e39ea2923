-- Products and their versions, and what was observed: by whom a mirror was looked at and how, which
-- of its URLs are good, how releases spread, how much was answered. Observations are records
-- themselves, so the trail has only what they change.

CREATE TABLE product (
    id @id,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    source TEXT NOT NULL
) @strict;

CREATE TABLE version (
    id @id,
    product_id @int NOT NULL REFERENCES product (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    development @bool NOT NULL,
    source TEXT NOT NULL,
    UNIQUE (product_id, name)
) @strict;

ALTER TABLE category ADD COLUMN product_id @int REFERENCES product (id);
ALTER TABLE repository ADD COLUMN version_id @int REFERENCES version (id);

-- How each directory of a mirror was last looked at: runs by directory id; see src/looks.rs.
CREATE TABLE mirror_look (
    mirror_id @id REFERENCES mirror (id) ON DELETE CASCADE,
    looks @bytes NOT NULL
) @strict;

-- Whether a URL is given to clients, as its probes say. A URL without a row has not been probed.
CREATE TABLE url_health (
    mirror_id @int NOT NULL REFERENCES mirror (id) ON DELETE CASCADE,
    number @int NOT NULL,
    good @bool NOT NULL,
    score @int NOT NULL CHECK (score BETWEEN 0 AND 100),
    failures @int NOT NULL CHECK (failures >= 0),
    since_unix_s @int NOT NULL CHECK (since_unix_s >= 0),
    probed_unix_s @int NOT NULL CHECK (probed_unix_s >= since_unix_s),
    reason TEXT NOT NULL CHECK (length(reason) <= 255),
    PRIMARY KEY (mirror_id, number)
) @strict;

CREATE TABLE probe (
    id @id,
    host_id @int NOT NULL REFERENCES host (id) ON DELETE CASCADE,
    url TEXT NOT NULL CHECK (length(url) BETWEEN 1 AND 4096),
    family @int CHECK (family IN (4, 6)),
    at_unix_s @int NOT NULL CHECK (at_unix_s >= 0),
    verdict TEXT NOT NULL CHECK (verdict IN ('good', 'bad', 'unknown')),
    reason TEXT NOT NULL CHECK (length(reason) <= 255),
    duration_ms @int NOT NULL CHECK (duration_ms >= 0),
    score @int NOT NULL CHECK (score BETWEEN 0 AND 100)
) @strict;
CREATE INDEX probe_by_host ON probe (host_id, at_unix_s);
CREATE INDEX probe_by_time ON probe (at_unix_s);

-- How many mirrors had which version of a repository, at one time.
CREATE TABLE propagation (
    repository_id @int NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    at_unix_s @int NOT NULL CHECK (at_unix_s >= 0),
    same @int NOT NULL CHECK (same >= 0),
    one_behind @int NOT NULL CHECK (one_behind >= 0),
    two_behind @int NOT NULL CHECK (two_behind >= 0),
    older @int NOT NULL CHECK (older >= 0),
    unknown @int NOT NULL CHECK (unknown >= 0),
    PRIMARY KEY (repository_id, at_unix_s)
) @strict;

-- Answers of a day by one thing that is known of them. No client is in it.
CREATE TABLE statistic (
    day @int NOT NULL CHECK (day >= 0),
    dimension TEXT NOT NULL CHECK (dimension IN
        ('repository', 'arch', 'country', 'tier', 'protocol', 'status', 'countme')),
    name TEXT NOT NULL CHECK (length(name) <= 255),
    answers @int NOT NULL CHECK (answers >= 0),
    PRIMARY KEY (day, dimension, name)
) @strict;
