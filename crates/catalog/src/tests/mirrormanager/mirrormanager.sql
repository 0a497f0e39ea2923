CREATE TABLE site (id SERIAL PRIMARY KEY, name TEXT, password TEXT, private BOOLEAN, admin_active BOOLEAN, user_active BOOLEAN);
CREATE TABLE host (id SERIAL PRIMARY KEY, name TEXT NOT NULL, site_id INTEGER REFERENCES site, robot_email TEXT, admin_active BOOLEAN, user_active BOOLEAN, country TEXT, bandwidth_int INTEGER, comment TEXT, config BYTEA, private BOOLEAN, internet2 BOOLEAN, internet2_clients BOOLEAN, asn INTEGER, asn_clients BOOLEAN, max_connections INTEGER, latitude DOUBLE PRECISION, longitude DOUBLE PRECISION);
CREATE TABLE directory (id SERIAL PRIMARY KEY, name TEXT UNIQUE, files BYTEA, readable BOOLEAN, ctime BIGINT);
CREATE TABLE product (id SERIAL PRIMARY KEY, name TEXT, publiclist BOOLEAN);
CREATE TABLE category (id SERIAL PRIMARY KEY, name TEXT, product_id INTEGER, topdir_id INTEGER);
CREATE TABLE version (id SERIAL PRIMARY KEY, name TEXT, is_test BOOLEAN, product_id INTEGER);
CREATE TABLE arch (id SERIAL PRIMARY KEY, name TEXT);
CREATE TABLE repository (id SERIAL PRIMARY KEY, name TEXT, prefix TEXT, category_id INTEGER, version_id INTEGER, arch_id INTEGER, directory_id INTEGER, disabled BOOLEAN);
CREATE TABLE file_detail (id SERIAL PRIMARY KEY, directory_id INTEGER, filename TEXT, timestamp BIGINT, size BIGINT, sha1 TEXT, md5 TEXT, sha256 TEXT, sha512 TEXT);
CREATE TABLE category_directory (category_id INTEGER, directory_id INTEGER);
CREATE TABLE host_category (id SERIAL PRIMARY KEY, host_id INTEGER, category_id INTEGER, always_up2date BOOLEAN);
CREATE TABLE host_category_url (id SERIAL PRIMARY KEY, host_category_id INTEGER, url TEXT, private BOOLEAN);
CREATE TABLE host_category_dir (id SERIAL PRIMARY KEY, host_category_id INTEGER, path TEXT, directory_id INTEGER, up2date BOOLEAN);
CREATE TABLE host_country_allowed (id SERIAL PRIMARY KEY, host_id INTEGER, country TEXT);
CREATE TABLE host_netblock (id SERIAL PRIMARY KEY, host_id INTEGER, netblock TEXT, name TEXT);
CREATE TABLE host_peer_asn (id SERIAL PRIMARY KEY, host_id INTEGER, asn INTEGER, name TEXT);
CREATE TABLE location (id SERIAL PRIMARY KEY, name TEXT);
CREATE TABLE host_location (location_id INTEGER, host_id INTEGER);
CREATE TABLE repository_redirect (id SERIAL PRIMARY KEY, from_repo TEXT, to_repo TEXT);
CREATE TABLE country_continent_redirect (id SERIAL PRIMARY KEY, country TEXT, continent TEXT);
CREATE TABLE netblock_country (id SERIAL PRIMARY KEY, netblock TEXT, country TEXT);

INSERT INTO site VALUES (1, 'University', 'secret', FALSE, TRUE, TRUE), (2, 'Lab', 'secret', TRUE, TRUE, FALSE);
INSERT INTO host (id, name, site_id, robot_email, admin_active, user_active, country, bandwidth_int, comment, asn, asn_clients, max_connections) VALUES
    (11, 'one.example', 1, 'operator@one.example', TRUE, TRUE, 'SE', 1000, 'two lines
of it', 64500, TRUE, 4),
    (12, 'two.example', 1, NULL, TRUE, TRUE, 'Sweden', NULL, NULL, 64501, FALSE, NULL),
    (13, 'three.example', 2, NULL, TRUE, TRUE, 'no', 10, NULL, NULL, NULL, NULL);
INSERT INTO directory (id, name) VALUES (1, 'pub/epel'), (2, 'pub/epel/9'), (3, 'pub/epel/9/repodata'), (4, 'elsewhere');
INSERT INTO product VALUES (1, 'EPEL', TRUE);
INSERT INTO category VALUES (5, 'Fedora EPEL', 1, 1), (6, 'Topless', 1, NULL);
INSERT INTO version VALUES (7, '9', FALSE, 1), (8, '10', TRUE, 1);
INSERT INTO arch VALUES (1, 'x86_64'), (2, 'aarch64');
INSERT INTO repository VALUES (1, 'a', 'epel-9', 5, 7, 1, 2, FALSE), (2, 'b', 'epel-10', 5, 8, 2, NULL, TRUE), (3, 'c', NULL, 5, 8, 2, NULL, FALSE);
INSERT INTO file_detail (directory_id, filename, timestamp, size, sha256) VALUES (3, 'repomd.xml', 100, 1, repeat('a', 64)), (3, 'repomd.xml', 200, 2, repeat('b', 64)), (99, 'lost', 1, 1, NULL);
INSERT INTO category_directory VALUES (5, 1), (5, 2), (5, 3), (5, 4);
INSERT INTO host_category VALUES (21, 11, 5, FALSE), (22, 12, 5, TRUE), (23, 13, 5, FALSE), (24, 99, 5, TRUE);
INSERT INTO host_category_url VALUES (31, 21, 'https://one.example/epel/', FALSE), (32, 21, 'rsync://one.example/epel', FALSE), (33, 21, 'rsync://one.example/hidden', TRUE), (34, 22, 'http://two.example/epel', FALSE), (35, 22, 'gopher://two.example', FALSE), (36, 23, 'http://three.example/epel', NULL);
INSERT INTO host_category_dir (host_category_id, path, directory_id, up2date) VALUES (21, '9', 2, TRUE), (21, '9/repodata', 3, FALSE), (23, '9', 2, TRUE), (99, 'x', 2, TRUE);
INSERT INTO host_country_allowed (host_id, country) VALUES (11, 'SE'), (11, 'NO');
INSERT INTO host_netblock (host_id, netblock) VALUES (11, '192.0.2.7/24'), (11, '2001:db8::1'), (11, 'mirror.one.example'), (11, 'gone.example');
INSERT INTO host_peer_asn (host_id, asn) VALUES (11, 64502);
INSERT INTO location VALUES (1, 'lab');
INSERT INTO host_location VALUES (1, 12), (1, 11), (1, 99);
INSERT INTO repository_redirect (from_repo, to_repo) VALUES ('epel-latest', 'epel-9'), ('gone', NULL);
INSERT INTO country_continent_redirect (country, continent) VALUES ('IL', 'EU');
INSERT INTO netblock_country (netblock, country) VALUES ('198.51.100.0/24', 'SE'), ('nothing', 'SE');
