-- What comes in from elsewhere: what mirrors say of themselves, and what serving nodes have counted.

-- For whose hosts a person who may change nothing else may speak.
CREATE TABLE account_site (
    account_id @int NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    site_id @int NOT NULL REFERENCES site (id) ON DELETE CASCADE,
    PRIMARY KEY (account_id, site_id)
) @strict;

-- What the old client report_mirror proves itself with.
CREATE TABLE site_password (
    site_id @id REFERENCES site (id) ON DELETE CASCADE,
    password_hash TEXT NOT NULL CHECK (password_hash LIKE '$argon2%'),
    password_unix_s @int NOT NULL CHECK (password_unix_s >= 0)
) @strict;

-- When a host last said what it has, who said so, and how many directories that came to.
CREATE TABLE host_checkin (
    host_id @id REFERENCES host (id) ON DELETE CASCADE,
    at_unix_s @int NOT NULL CHECK (at_unix_s >= 0),
    who TEXT NOT NULL CHECK (length(who) BETWEEN 1 AND 255),
    current @int NOT NULL CHECK (current >= 0),
    behind @int NOT NULL CHECK (behind >= 0),
    missing @int NOT NULL CHECK (missing >= 0),
    unknown @int NOT NULL CHECK (unknown >= 0)
) @strict;

-- What each run of a serving node had counted on a day when that was last added to the statistics:
-- JSON. Only what is more than this is added the next time.
CREATE TABLE statistic_run (
    run TEXT NOT NULL CHECK (length(run) BETWEEN 1 AND 64),
    day @int NOT NULL CHECK (day >= 0),
    node TEXT NOT NULL CHECK (length(node) <= 255),
    merged_unix_s @int NOT NULL CHECK (merged_unix_s >= 0),
    totals TEXT NOT NULL,
    PRIMARY KEY (run, day)
) @strict;
