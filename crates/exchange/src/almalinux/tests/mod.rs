//! A folder of a few files is read as it should be.

use expect_test::{Expect, expect};

use super::{AlmaLinuxError, Document, Documents, documents_read};
use crate::show::show;

fn documents(config: &str, mirrors: &[(&str, &str)]) -> Documents {
    let mirrors = mirrors.iter().map(|(name, text)| Document {
        name: format!("mirrors.d/{name}.yml"),
        bytes: text.as_bytes().to_vec(),
    });
    Documents { config: config.as_bytes().to_vec(), mirrors: mirrors.collect() }
}

fn check(config: &str, mirrors: &[(&str, &str)], expected: Expect) {
    let shown = match documents_read(&documents(config, mirrors), 1_700_000_000) {
        Ok(import) => show(&import),
        Err(AlmaLinuxError::Config { source }) => format!("config.yml: {source}\n"),
        Err(error) => format!("{error}\n"),
    };
    expected.assert_eq(&shown);
}

/// Two current versions, a module, the vault; one repository of each kind.
const CONFIG: &str = r#"
---
config_version: 3
mirrors_dir: mirrors.d
versions: ["9", "9.8", "10.2"]
optional_module_versions:
  kitten: ["10"]
duplicated_versions:
  "9": "9.8"
vault_versions: [9.7, 8.10]
vault_mirror: http://vault.example/
arches:
  "9": [x86_64, aarch64]
  "10": [x86_64]
  "10-kitten": [x86_64]
repos:
  - name: baseos
    path: BaseOS/$basearch/os/
  - name: crb
    path: /CRB/$basearch/os
    versions: ["9.8"]
    arches: [x86_64]
  - name: baseos-source
    path: BaseOS/Source/
    vault: true
    versions: ["9.8"]
...
"#;

const ONE: &str = r"
name: one.example
address:
  http: http://one.example/almalinux/
  https: https://one.example/almalinux/
  rsync: rsync://one.example/almalinux/
address_optional:
  kitten:
    https: https://one.example/kitten/
geolocation:
  country: NO
  state_province: Oslo
  city: null
  latitude: 59.9
  longitude: 10.7
update_frequency: 3h
sponsor: One
asn: 64496
subnets: [192.0.2.0/24, '2001:db8::/32']
monopoly: yes
";

#[test]
fn versions_modules_and_the_vault() {
    check(
        CONFIG,
        &[
            ("one", ONE),
            ("two", "{name: two.example, private: no, address: {http: 'http://two.example/'}}"),
            ("three", "{name: three.example, private: True, address: {http: 'http://3.example/'}}"),
        ],
        expect![[r#"
            time 1700000000
            host 1 one.example NO 100 Mbit/s monopoly asns [AS64496] netblocks [192.0.2.0/24, 2001:db8::/32] allowed []
            host 2 two.example -- 100 Mbit/s asns [] netblocks [] allowed []
            host 3 three.example -- 100 Mbit/s private asns [] netblocks [] allowed []
            host 4 vault.example -- 100 Mbit/s asns [] netblocks [] allowed []
            directory 9.8/BaseOS/x86_64/os [9.8/BaseOS/x86_64/os]
              public 1: 64 = https://one.example/almalinux, 65 = http://one.example/almalinux, 66 = rsync://one.example/almalinux
              public 2: 128 = http://two.example
              private 3: 192 = http://3.example
            directory 9.8/BaseOS/aarch64/os [9.8/BaseOS/aarch64/os]
              public 1: 64 = https://one.example/almalinux, 65 = http://one.example/almalinux, 66 = rsync://one.example/almalinux
              public 2: 128 = http://two.example
              private 3: 192 = http://3.example
            directory 9.8/CRB/x86_64/os [9.8/CRB/x86_64/os]
              public 1: 64 = https://one.example/almalinux, 65 = http://one.example/almalinux, 66 = rsync://one.example/almalinux
              public 2: 128 = http://two.example
              private 3: 192 = http://3.example
            directory 9.8/BaseOS/Source [9.8/BaseOS/Source]
              public 4: 256 = http://vault.example
            directory 10.2/BaseOS/x86_64/os [10.2/BaseOS/x86_64/os]
              public 1: 64 = https://one.example/almalinux, 65 = http://one.example/almalinux, 66 = rsync://one.example/almalinux
              public 2: 128 = http://two.example
              private 3: 192 = http://3.example
            directory 10-kitten/BaseOS/x86_64/os [10-kitten/BaseOS/x86_64/os]
              public 1: 67 = https://one.example/kitten
            directory 9.7/BaseOS/x86_64/os [9.7/BaseOS/x86_64/os]
              public 4: 256 = http://vault.example
            directory 9.7/BaseOS/aarch64/os [9.7/BaseOS/aarch64/os]
              public 4: 256 = http://vault.example
            directory 9.7/CRB/x86_64/os [9.7/CRB/x86_64/os]
              public 4: 256 = http://vault.example
            directory 9.7/BaseOS/Source [9.7/BaseOS/Source]
              public 4: 256 = http://vault.example
            repository baseos-9 x86_64 Some("9.8/BaseOS/x86_64/os")
            repository baseos-9 aarch64 Some("9.8/BaseOS/aarch64/os")
            repository crb-9 x86_64 Some("9.8/CRB/x86_64/os")
            repository baseos-source-9 source Some("9.8/BaseOS/Source")
            repository baseos-9.8 x86_64 Some("9.8/BaseOS/x86_64/os")
            repository baseos-9.8 aarch64 Some("9.8/BaseOS/aarch64/os")
            repository crb-9.8 x86_64 Some("9.8/CRB/x86_64/os")
            repository baseos-source-9.8 source Some("9.8/BaseOS/Source")
            repository baseos-10.2 x86_64 Some("10.2/BaseOS/x86_64/os")
            repository baseos-10-kitten x86_64 Some("10-kitten/BaseOS/x86_64/os")
            repository baseos-9.7 x86_64 Some("9.7/BaseOS/x86_64/os")
            repository baseos-9.7 aarch64 Some("9.7/BaseOS/aarch64/os")
            repository crb-9.7 x86_64 Some("9.7/CRB/x86_64/os")
            repository baseos-source-9.7 source Some("9.7/BaseOS/Source")
        "#]],
    );
}

/// A configuration of one repository.
const SMALL: &str = "
versions: ['9']
arches: {'9': [x86_64]}
repos: [{name: baseos, path: $basearch}]
";

#[test]
fn hand_written_files() {
    check(
        SMALL,
        &[
            ("uk", "{name: uk, address: {http: 'http://uk.example'}, geolocation: {country: UK}}"),
            (
                "de",
                "{name: de, address: {ftp: 'ftp://de.example'}, geolocation: {country: Germany}}",
            ),
            ("xx", "{name: xx, address: {rsync: 'xx.example::a'}, geolocation: {country: Xanadu}}"),
            ("asn", "{name: asn, address: {http: 'http://a.example'}, asn: [5, 5, x, 0, -1, 7]}"),
            (
                "null",
                "name: null-fields\naddress:\n  http: http://n.example\n  ftp:\nasn:\nsubnets:\n",
            ),
            (
                "net",
                "{name: net, address: {http: 'http://n.example'}, subnets: [1.2.3.4/33, n, 1.2.3.4]}",
            ),
            (
                "url",
                "{name: url, address: {http: 'http://n.example'}, subnets: 'https://x/y.json'}",
            ),
            ("cloud", "{name: cloud, address: {http: 'http://c.example'}, cloud_type: aws}"),
            ("swap", "{name: swap, address: {http: 'https://s.example'}}"),
            ("far", "{name: far, address: {}, geolocation: {latitude: 91, longitude: 0}}"),
            ("twice", "{name: far, address: {http: 'http://t.example'}}"),
            ("keys", "name: keys\naddress: {http: 'http://k.example'}\nasn: 1\nasn: 2\n"),
        ],
        expect![[r#"
            time 1700000000
            host 1 uk GB 100 Mbit/s asns [] netblocks [] allowed []
            host 2 de DE 100 Mbit/s asns [] netblocks [] allowed []
            host 3 xx -- 100 Mbit/s asns [] netblocks [] allowed []
            host 4 asn -- 100 Mbit/s asns [AS5, AS7] netblocks [] allowed []
            host 5 null-fields -- 100 Mbit/s asns [] netblocks [] allowed []
            host 6 net -- 100 Mbit/s asns [] netblocks [1.2.3.4/32] allowed []
            host 7 url -- 100 Mbit/s asns [] netblocks [] allowed []
            host 8 cloud -- 100 Mbit/s private asns [] netblocks [] allowed []
            host 9 swap -- 100 Mbit/s asns [] netblocks [] allowed []
            host 10 far -- 100 Mbit/s asns [] netblocks [] allowed []
            host 12 keys -- 100 Mbit/s asns [AS2] netblocks [] allowed []
            directory 9/x86_64 [9/x86_64]
              public 12: 768 = http://k.example
              public 1: 64 = http://uk.example
              public 2: 128 = ftp://de.example
              public 4: 256 = http://a.example
              public 5: 320 = http://n.example
              public 6: 384 = http://n.example
              public 7: 448 = http://n.example
              public 9: 576 = https://s.example
              private 8: 512 = http://c.example
            repository baseos-9 x86_64 Some("9/x86_64")
            ! mirrors.d/xx.yml: "Xanadu" is no country (bad-country)
            ! mirrors.d/xx.yml: xx.example::a: no URL of a known scheme; left out (bad-url)
            ! mirrors.d/xx.yml: it has no address (no-url)
            ! mirrors.d/asn.yml: "x" is no autonomous system (out-of-range)
            ! mirrors.d/asn.yml: "0" is no autonomous system (out-of-range)
            ! mirrors.d/asn.yml: "-1" is no autonomous system (out-of-range)
            ! mirrors.d/net.yml: 1.2.3.4/33: prefix length too large (bad-prefix)
            ! mirrors.d/net.yml: n is a name, not a prefix; left out (dns-name)
            ! mirrors.d/url.yml: subnets are at https://x/y.json, which is not fetched (not-done)
            ! mirrors.d/cloud.yml: the networks of the cloud aws are not known here (not-done)
            ! mirrors.d/swap.yml: https://s.example stands under http; it counts as what it is (contradiction)
            ! mirrors.d/far.yml: 91, 0 is no place on Earth (out-of-range)
            ! mirrors.d/far.yml: it has no address (no-url)
            ! mirrors.d/twice.yml: there is another far; left out (duplicate)
            ! mirrors.d/keys.yml: duplicate mapping key: asn at line 4, column 1; the last one counts (duplicate)
        "#]],
    );
}

#[test]
fn files_that_are_no_mirrors() {
    let deep = format!("a: {}1{}", "[".repeat(100), "]".repeat(100));
    let bomb = "name: &a [x,x]\naddress: {http: 'http://x'}\nb: [*a,*a]\n";
    check(
        SMALL,
        &[
            ("empty", ""),
            ("list", "[1, 2]"),
            ("nameless", "address: {http: 'http://x.example'}"),
            ("blank", "{name: 'a b', address: {http: 'http://x.example'}}"),
            ("broken", "name: [\n"),
            ("address", "{name: x, address: [1]}"),
            ("deep", &deep),
            ("bomb", bomb),
            ("two", "name: a\n---\nname: b\n"),
            ("tab", "name:\n\t- a"),
        ],
        expect![[r#"
            time 1700000000
            directory 9/x86_64 [9/x86_64]
            repository baseos-9 x86_64 Some("9/x86_64")
            ! mirrors.d/empty.yml: unexpected end of input at line 1, column 1; left out (bad-document)
            ! mirrors.d/list.yml: expected mapping start at line 1, column 1; left out (bad-document)
            ! mirrors.d/nameless.yml: missing field `name` at line 1, column 1; left out (bad-document)
            ! mirrors.d/blank.yml: "a b" is no name of a host; left out (bad-text)
            ! mirrors.d/broken.yml: unclosed bracket \'[\' at line 1, column 7; left out (bad-document)
            ! mirrors.d/address.yml: expected mapping start at line 1, column 20; left out (bad-document)
            ! mirrors.d/deep.yml: budget breached: Depth { depth: 17 } at line 1, column 19; left out (bad-document)
            ! mirrors.d/bomb.yml: budget breached: Aliases { aliases: 1 } at line 3, column 5; left out (bad-document)
            ! mirrors.d/two.yml: budget breached: Documents { documents: 2 } at line 2, column 1; left out (bad-document)
            ! mirrors.d/tab.yml: tabs disallowed within this context (block indentation) at line 2, column 2; left out (bad-document)
        "#]],
    );
}

#[test]
fn configurations_that_cannot_be_read() {
    check(
        "",
        &[],
        expect![[r#"
        config.yml: unexpected end of input at line 1, column 1
    "#]],
    );
    check(
        "repos: 5",
        &[],
        expect![[r#"
        config.yml: expected sequence start at line 1, column 8
    "#]],
    );
    check(
        "versions: ['9']",
        &[],
        expect![[r#"
        config.yml: missing field `repos` at line 1, column 1
    "#]],
    );
    check(
        "repos: []\nrepos: []",
        &[],
        expect![[r#"
            config.yml: duplicate mapping key: repos at line 2, column 1
        "#]],
    );
    check(
        "repos: []\nvault_mirror: nowhere",
        &[],
        expect![[r#"
        time 1700000000
        ! config.yml vault_mirror: nowhere: no URL of a known scheme (bad-url)
    "#]],
    );
}

#[test]
fn too_many_repositories_are_cut_off() {
    let list =
        |letter: char| (0..250).map(|n| format!("'{letter}{n}'")).collect::<Vec<_>>().join(",");
    let config = format!(
        "versions: [{}]\nrepos: [{{name: r, path: $basearch, arches: [{}]}}]",
        list('v'),
        list('a')
    );
    let import = documents_read(&documents(&config, &[]), 0).unwrap();
    assert_eq!(import.world.repositories.len(), 50_000);
    assert_eq!(import.problems.total(), 1);
}

#[test]
fn a_folder_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let load = || Documents::load(folder.path());
    assert!(matches!(load(), Err(AlmaLinuxError::Read { .. })));
    write("config.yml", CONFIG);
    assert!(matches!(load(), Err(AlmaLinuxError::Read { .. })));
    std::fs::create_dir(folder.path().join("mirrors.d")).unwrap();
    write("mirrors.d/b.yml", "b");
    write("mirrors.d/a.yml", "a");
    write("mirrors.d/README.md", "no mirror");
    let names: Vec<String> = load().unwrap().mirrors.into_iter().map(|m| m.name).collect();
    assert_eq!(names, ["mirrors.d/a.yml", "mirrors.d/b.yml"]);
    write("config.yml", "mirrors_dir: ../elsewhere\nrepos: []");
    assert!(matches!(load(), Err(AlmaLinuxError::MirrorsDir { .. })));
    write("config.yml", &"#".repeat(2 << 20));
    assert!(matches!(load(), Err(AlmaLinuxError::TooLarge { .. })));
}
