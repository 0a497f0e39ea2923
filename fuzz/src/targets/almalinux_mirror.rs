//! A mirror's file of AlmaLinux, with a configuration.

use heliostat_exchange::almalinux::{Document, Documents, documents_read};

/// Whatever the file, the world is sound, and the host is in it or a problem says why not.
pub(super) fn target(data: &[u8]) {
    let mirror = Document { name: "mirror.yml".to_owned(), bytes: data.to_vec() };
    let documents = Documents { config: CONFIG.to_vec(), mirrors: vec![mirror] };
    let Ok(import) = documents_read(&documents, 1) else {
        panic!("the configuration is sound");
    };
    assert_eq!(import.world.check(), Ok(()));
    assert!(!import.world.hosts.is_empty() || !import.problems.is_empty());
}

const CONFIG: &[u8] = b"versions: ['9']
arches: {'9': [x86_64], '10-kitten': [x86_64]}
optional_module_versions: {kitten: ['10']}
repos: [{name: baseos, path: BaseOS/$basearch/os}]
";
