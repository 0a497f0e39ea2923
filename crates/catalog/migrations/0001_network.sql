-- The mirror network. @id, @int, @bool, @real, @bytes, @strict and the @is_… checks are what each
-- engine calls them; see src/migrate.rs.

-- One row: what changed last, and the next free numbers.
CREATE TABLE catalog_state (
    id @id CHECK (id = 1),
    revision @int NOT NULL CHECK (revision >= 0),
    id_next @int NOT NULL CHECK (id_next > 0),
    directory_next @int NOT NULL CHECK (directory_next >= 0),
    data_unix_s @int NOT NULL CHECK (data_unix_s >= 0),
    source TEXT NOT NULL
) @strict;

-- Every change: who, when, what it was and what it became (JSON).
CREATE TABLE audit (
    id @id,
    at_unix_s @int NOT NULL CHECK (at_unix_s >= 0),
    who TEXT NOT NULL CHECK (length(who) BETWEEN 1 AND 255),
    action TEXT NOT NULL CHECK (action IN ('add', 'edit', 'remove')),
    resource TEXT NOT NULL,
    name TEXT NOT NULL,
    before TEXT,
    after TEXT,
    CHECK ((before IS NULL) = (action = 'add')),
    CHECK ((after IS NULL) = (action = 'remove'))
) @strict;
CREATE INDEX audit_by_name ON audit (resource, name, id);

CREATE TABLE country (
    code TEXT PRIMARY KEY CHECK (@is_code(code)),
    continent TEXT CHECK (@is_code(continent)),
    served_as TEXT CHECK (@is_code(served_as))
) @strict;

CREATE TABLE site (
    id @id,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    private @bool NOT NULL,
    active_admin @bool NOT NULL,
    active_owner @bool NOT NULL,
    contact TEXT NOT NULL CHECK (length(contact) <= 255),
    notes TEXT NOT NULL CHECK (length(notes) <= 65536),
    source TEXT NOT NULL
) @strict;

CREATE TABLE host (
    id @id,
    site_id @int NOT NULL REFERENCES site (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    active_admin @bool NOT NULL,
    active_owner @bool NOT NULL,
    private @bool NOT NULL,
    monopoly @bool NOT NULL,
    internet2 @bool NOT NULL,
    country TEXT REFERENCES country (code),
    latitude_deg @real CHECK (latitude_deg BETWEEN -90 AND 90),
    longitude_deg @real CHECK (longitude_deg BETWEEN -180 AND 180),
    bandwidth_mbit_s @int NOT NULL CHECK (bandwidth_mbit_s BETWEEN 0 AND 4294967295),
    connections_max @int CHECK (connections_max BETWEEN 0 AND 4294967295),
    contact TEXT NOT NULL CHECK (length(contact) <= 255),
    notes TEXT NOT NULL CHECK (length(notes) <= 65536),
    source TEXT NOT NULL,
    source_id @int NOT NULL,
    UNIQUE (site_id, name, source, source_id),
    CHECK ((latitude_deg IS NULL) = (longitude_deg IS NULL))
) @strict;

CREATE TABLE host_asn (
    host_id @int NOT NULL REFERENCES host (id) ON DELETE CASCADE,
    asn @int NOT NULL CHECK (asn BETWEEN 0 AND 4294967295),
    peer @bool NOT NULL,
    PRIMARY KEY (host_id, asn)
) @strict;

CREATE TABLE host_netblock (
    host_id @int NOT NULL REFERENCES host (id) ON DELETE CASCADE,
    prefix TEXT NOT NULL CHECK (prefix LIKE '%/%'),
    PRIMARY KEY (host_id, prefix)
) @strict;

CREATE TABLE host_country_allowed (
    host_id @int NOT NULL REFERENCES host (id) ON DELETE CASCADE,
    country TEXT NOT NULL REFERENCES country (code),
    PRIMARY KEY (host_id, country)
) @strict;

CREATE TABLE product (
    id @id,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255)
) @strict;

CREATE TABLE version (
    id @id,
    product_id @int NOT NULL REFERENCES product (id),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    testing @bool NOT NULL,
    UNIQUE (product_id, name)
) @strict;

CREATE TABLE arch (
    name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 255)
) @strict;

CREATE TABLE category (
    id @id,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 4096),
    top TEXT NOT NULL UNIQUE CHECK (length(top) <= 4096),
    product_id @int REFERENCES product (id),
    source TEXT NOT NULL
) @strict;

-- One host's copy of one category, and where it can be reached.
CREATE TABLE mirror (
    id @id,
    host_id @int NOT NULL REFERENCES host (id) ON DELETE CASCADE,
    category_id @int NOT NULL REFERENCES category (id),
    always_current @bool NOT NULL
) @strict;
CREATE INDEX mirror_by_host ON mirror (host_id);
CREATE INDEX mirror_by_category ON mirror (category_id);

CREATE TABLE mirror_url (
    mirror_id @int NOT NULL REFERENCES mirror (id) ON DELETE CASCADE,
    number @int NOT NULL CHECK (number >= 0),
    url TEXT NOT NULL CHECK (url LIKE '%_://_%' AND length(url) <= 4096),
    private @bool NOT NULL,
    PRIMARY KEY (mirror_id, number)
) @strict;

-- The id of a directory is its position in the states of mirrors, so ids are dense and never used
-- again.
CREATE TABLE directory (
    id @id,
    category_id @int NOT NULL REFERENCES category (id),
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 4096),
    subpath TEXT NOT NULL CHECK (length(subpath) <= 4096),
    source TEXT NOT NULL
) @strict;

-- What a file is (rank 0) and was.
CREATE TABLE file_detail (
    directory_id @int NOT NULL REFERENCES directory (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    rank @int NOT NULL CHECK (rank >= 0),
    timestamp_unix_s @int CHECK (timestamp_unix_s >= 0),
    size_bytes @int CHECK (size_bytes >= 0),
    md5 TEXT CHECK (length(md5) = 32),
    sha1 TEXT CHECK (length(sha1) = 40),
    sha256 TEXT CHECK (length(sha256) = 64),
    sha512 TEXT CHECK (length(sha512) = 128),
    PRIMARY KEY (directory_id, name, rank)
) @strict;

-- What a mirror has of every directory: runs of states by directory id; see src/states.rs.
CREATE TABLE mirror_state (
    mirror_id @id REFERENCES mirror (id) ON DELETE CASCADE,
    states @bytes NOT NULL
) @strict;

CREATE TABLE repository (
    id @id,
    prefix TEXT NOT NULL CHECK (length(prefix) BETWEEN 1 AND 255),
    arch TEXT NOT NULL REFERENCES arch (name),
    directory_id @int REFERENCES directory (id) ON DELETE SET NULL,
    version_id @int REFERENCES version (id),
    source TEXT NOT NULL,
    UNIQUE (prefix, arch)
) @strict;
CREATE INDEX repository_by_directory ON repository (directory_id);

CREATE TABLE repository_redirect (
    name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 255),
    target TEXT NOT NULL CHECK (length(target) BETWEEN 1 AND 255 AND target <> name),
    source TEXT NOT NULL
) @strict;

CREATE TABLE repository_disabled (
    prefix TEXT PRIMARY KEY CHECK (length(prefix) BETWEEN 1 AND 255),
    source TEXT NOT NULL
) @strict;

CREATE TABLE netblock_country (
    prefix TEXT PRIMARY KEY CHECK (prefix LIKE '%/%'),
    country TEXT NOT NULL REFERENCES country (code),
    source TEXT NOT NULL
) @strict;

CREATE TABLE location (
    id @id,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    source TEXT NOT NULL
) @strict;

CREATE TABLE location_host (
    location_id @int NOT NULL REFERENCES location (id) ON DELETE CASCADE,
    position @int NOT NULL,
    host_id @int NOT NULL REFERENCES host (id) ON DELETE CASCADE,
    PRIMARY KEY (location_id, position)
) @strict;
CREATE INDEX location_host_by_host ON location_host (host_id);

-- Which autonomous system announces which prefix: a million facts in a few hundred rows; see
-- src/routes.rs.
CREATE TABLE route_chunk (
    id @id,
    routes @bytes NOT NULL
) @strict;

CREATE TABLE account (
    id @id,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 255),
    role TEXT NOT NULL CHECK (role IN ('admin', 'editor', 'viewer')),
    active @bool NOT NULL,
    password_hash TEXT CHECK (password_hash LIKE '$argon2%'),
    contact TEXT NOT NULL CHECK (length(contact) <= 255)
) @strict;

CREATE TABLE token (
    id @id,
    account_id @int NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64),
    created_unix_s @int NOT NULL,
    expires_unix_s @int,
    UNIQUE (account_id, name)
) @strict;

INSERT INTO catalog_state (id, revision, id_next, directory_next, data_unix_s, source)
VALUES (1, 0, 1, 0, 0, 'catalog');
