//! A configuration of AlmaLinux, with one mirror.

use heliostat_exchange::almalinux::{Document, Documents, documents_read};

/// Whatever the configuration, it is refused, or the world is sound.
pub(super) fn target(data: &[u8]) {
    let mirror = Document { name: "mirror.yml".to_owned(), bytes: MIRROR.to_vec() };
    let documents = Documents { config: data.to_vec(), mirrors: vec![mirror] };
    if let Ok(import) = documents_read(&documents, 1) {
        assert_eq!(import.world.check(), Ok(()));
    }
}

const MIRROR: &[u8] = b"name: m.example
address: {https: 'https://m.example/a', rsync: 'rsync://m.example/a'}
address_optional: {kitten: {https: 'https://m.example/k'}}
";
