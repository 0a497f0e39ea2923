//! A file is what was written, or an error.

use std::collections::HashSet;
use std::io::Write;

use heliostat_model::{Directory, DirectoryIndex, File, FileDetail, Repository};
use heliostat_publish::{Stamp, compile};
use heliostat_testing_world::{Scale, generate};

use crate::format::{ALIGNMENT, HASHED_HEADER_BYTES, HEADER_BYTES, Header, Section, SectionEntry};
use crate::records::{DirectoryRow, fields};
use crate::{Error, Outline, Snapshot, slots};

/// The smallest file that has a row in most sections.
fn tiny() -> Vec<u8> {
    let mut world = generate(Scale::Small, 1);
    world.directories.truncate(6);
    world.directories.push(Directory {
        name: "x/repodata".into(),
        subpath: "x/repodata".into(),
        public: world.directories[0].public,
        private: world.directories[0].private,
        files: vec![File { name: "repomd.xml".into(), details: vec![FileDetail::default()] }],
    });
    world.repositories.truncate(3);
    for repository in &mut world.repositories {
        repository.directory = Some(DirectoryIndex(6));
    }
    world.mirrors.truncate(12);
    world.mirror_sets = vec![[].into(), (0..12).map(heliostat_model::MirrorIndex).collect()];
    for directory in &mut world.directories {
        directory.public = heliostat_model::MirrorSetIndex(1);
        directory.private = heliostat_model::MirrorSetIndex(0);
    }
    world.netblock_asns.truncate(20);
    world.netblock_countries.truncate(5);
    world.country_continents.truncate(10);
    bytes_of(&world)
}

fn bytes_of(world: &heliostat_model::World) -> Vec<u8> {
    let stamp = Stamp { generation: 3, created_unix_s: 1, compiled_unix_s: 2 };
    let mut bytes = Vec::new();
    compile(world, stamp, &mut bytes, |_| {}).unwrap();
    bytes
}

/// Makes the hash right again after bytes were changed.
fn rehash(bytes: &mut [u8]) {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..HASHED_HEADER_BYTES]).update(&bytes[HEADER_BYTES..]);
    let hash = *hasher.finalize().as_bytes();
    bytes[HASHED_HEADER_BYTES..HEADER_BYTES].copy_from_slice(&hash);
}

#[test]
fn what_was_compiled_is_found_again() {
    let world = generate(Scale::Small, 1);
    let snapshot = Snapshot::from_bytes(bytes_of(&world)).unwrap();
    assert_eq!(snapshot.header().generation.get(), 3);
    for directory in &world.directories {
        let row = snapshot.directory_find(directory.name.as_bytes()).unwrap();
        let row = snapshot.row::<DirectoryRow>(row).unwrap();
        assert_eq!(snapshot.text(row.name), directory.name.as_bytes());
        let public = &world.mirror_sets[directory.public.0 as usize];
        assert_eq!(snapshot.set(row.public.get()).len(), public.len());
        for file in directory.files.iter().filter(|file| !file.details.is_empty()) {
            assert!(snapshot.file_find(row, file.name.as_bytes()).is_some());
        }
    }
    let mut key = Vec::new();
    for Repository { prefix, arch, .. } in &world.repositories {
        assert!(snapshot.repository_find(prefix.as_bytes(), arch.as_bytes(), &mut key).is_some());
    }
    assert_eq!(snapshot.directory_find(b"pub"), None);
    assert_eq!(snapshot.repository_find(b"", b"", &mut key), None);
}

#[test]
fn a_flipped_bit_is_always_found() {
    let good = tiny();
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(Snapshot::from_bytes(bad).is_err(), "byte {at}");
    }
}

#[test]
fn a_cut_file_is_always_found() {
    let good = tiny();
    for length in (0..good.len()).step_by(5) {
        let mut cut = good[..length].to_vec();
        let error = Snapshot::from_bytes(cut.clone()).unwrap_err();
        assert!(matches!(error, Error::Header { .. }), "{length}: {error}");
        // Also when it says that it is as long as it is, and its hash is right.
        if length >= HEADER_BYTES {
            cut[40..48].copy_from_slice(&(length as u64).to_le_bytes());
            rehash(&mut cut);
            assert!(Snapshot::from_bytes(cut).is_err(), "{length}");
        }
    }
}

/// Forged files: whatever a byte becomes, opening ends, and what opens can be read.
#[test]
fn a_forged_file_is_refused_or_harmless() {
    let good = tiny();
    let mut refused = HashSet::new();
    for at in (HEADER_BYTES..good.len()).step_by(3) {
        for value in [0, 1, 0x7f, 0xff] {
            let mut forged = good.clone();
            forged[at] = value;
            rehash(&mut forged);
            match Snapshot::from_bytes(forged) {
                Ok(snapshot) => {
                    read_everything(&snapshot);
                    if let Err(Error::Section { section, .. }) = snapshot.verify() {
                        refused.insert(section.name());
                    }
                }
                Err(Error::Section { section, offset, .. }) => {
                    assert!(offset <= good.len() as u64);
                    refused.insert(section.name());
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    for section in [
        "Text",
        "Countries",
        "Hosts",
        "Mirrors",
        "Urls",
        "Sets",
        "SetMembers",
        "Directories",
        "DirectorySlots",
        "Files",
        "Repositories",
        "Places",
        "Prefixes",
        "Systems",
    ] {
        // Members are checked with their sets, slots with what they lead to.
        let stands_for = match section {
            "SetMembers" => "Sets",
            other => other,
        };
        assert!(refused.contains(stands_for), "nothing in {section} was ever refused");
    }
}

fn read_everything(snapshot: &Snapshot) {
    for (at, directory) in snapshot.rows::<DirectoryRow>().iter().enumerate() {
        snapshot.set(directory.public.get());
        assert_eq!(snapshot.directory_find(snapshot.text(directory.name)), Some(at as u32));
    }
    for address in ["0.0.0.0", "255.255.255.255", "8.8.8.8", "::", "2001:db8::1"] {
        snapshot.place(address.parse().unwrap());
        snapshot.system(address.parse().unwrap());
    }
}

#[test]
fn other_files_are_told_apart() {
    let check = |bytes: &[u8], expected: &str| {
        let error = Snapshot::from_bytes(bytes.to_vec()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(b"", "0 bytes are fewer than the 96 of a header");
    check(&[0; 200], "the first bytes are not HELIOSNP");
    let mut other = tiny();
    other[8] = 9;
    check(&other, "snapshot format 9, but this program reads format 2: compile it again");
    let mut longer = tiny();
    longer.push(0);
    check(&longer, "cut off or has something behind it");
    let mut damaged = tiny();
    *damaged.last_mut().unwrap() = 1;
    check(&damaged, "damaged snapshot: the content hash is");
    let missing = Snapshot::open("/nonexistent/file".as_ref()).unwrap_err();
    assert!(missing.to_string().contains("/nonexistent/file"), "{missing}");
}

#[test]
fn an_outline_can_be_read_of_a_damaged_file() {
    let mut damaged = tiny();
    let last = damaged.len() - 100;
    damaged[last] ^= 1;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&damaged).unwrap();
    let outline = Outline::read(file.path()).unwrap();
    assert_eq!(outline.header.generation.get(), 3);
    assert_eq!(outline.sections.len(), Section::ALL.len());
    assert!(matches!(Snapshot::open(file.path()), Err(Error::Hash { .. })));
}

#[test]
fn slots_find_what_is_there_and_nothing_else() {
    let names: Vec<String> = (0..1000).map(|n| format!("name-{n}")).collect();
    let built = slots::build(names.iter().map(String::as_bytes));
    let find = |name: &str| {
        let matches = |row: u32| names[row as usize] == name;
        slots::find(name.as_bytes(), built.len(), |slot| built[slot], matches)
    };
    for (row, name) in names.iter().enumerate() {
        assert_eq!(find(name), Some(row as u32));
    }
    assert_eq!(find("name-1000"), None);
    // A table without an empty slot, and no table at all, still end.
    assert_eq!(slots::find(b"x", 4, |_| 0, |_| false), None);
    assert_eq!(slots::find(b"x", 0, |_| 0, |_| true), None);
}

/// The document describes the code: run with `UPDATE_EXPECT=1` to write it anew.
#[test]
fn the_format_document_is_true() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/internals/snapshot-format.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (prose, tables) = document.split_once(MARK).expect("the mark in the document");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, format!("{prose}{MARK}{}", described())).unwrap();
    } else {
        assert_eq!(tables, described(), "run with UPDATE_EXPECT=1 to write the tables anew");
    }
}

const MARK: &str =
    "<!-- What follows is written by a test from crates/snapshot/src/records.rs. -->\n";

fn described() -> String {
    let mut text = String::new();
    let mut table = |name: &str, about: &str, fields: &[(&str, &str, usize, &str)]| {
        text += &format!("\n### {name}\n\n{}\n", about.trim());
        if fields.is_empty() {
            text += "\nPlain bytes.\n";
            return;
        }
        text += "\n| offset | bytes | field | type | meaning |\n|---:|---:|---|---|---|\n";
        let mut offset = 0;
        for (field, kind, bytes, meaning) in fields {
            text += &format!("| {offset} | {bytes} | `{field}` | {kind} | {} |\n", meaning.trim());
            offset += bytes;
        }
        text += &format!("\n{offset} bytes.\n");
    };
    table(
        "Header",
        &format!("At offset 0. Version {} of the format.", crate::format::FORMAT),
        Header::FIELDS,
    );
    let about = format!(
        "One for each section, behind the header. Sections start at multiples of {ALIGNMENT}."
    );
    table("SectionEntry", &about, SectionEntry::FIELDS);
    table("Text", "A piece of the `Text` section.", crate::records::Text::FIELDS);
    table("Span", "Rows of another section.", crate::records::Span::FIELDS);
    for &section in Section::ALL {
        let name = format!("Section {}: {}", section as u32, section.name());
        table(&name, section.about(), fields(section));
    }
    text
}
