//! Debian's lists of mirrors, and what every list must be.

use heliostat_exchange::Import;
use heliostat_exchange::lists::{List, ListError, debian_read};

/// As [`sound`].
pub(super) fn target(data: &[u8]) {
    sound(data, debian_read);
}

/// Any bytes are a sound world of hosts with URLs, and each problem names its line.
pub(super) fn sound(data: &[u8], read: fn(List<'_>) -> Result<Import, ListError>) {
    let list = List { bytes: data, name: "list", top: "pub", created_unix_s: 1 };
    let import = read(list).expect("it is small, and the top is sound");
    import.world.check().expect("what it names is there");
    assert_eq!(import.facts.hosts.len(), import.world.hosts.len());
    assert!(import.world.mirrors.iter().all(|mirror| !mirror.urls.is_empty()));
    let lines = data.iter().filter(|&&byte| byte == b'\n').count() + 1;
    for problem in import.problems.kept() {
        let number = problem.place.strip_prefix("list:").expect("the file");
        let number = number.split_whitespace().next().and_then(|word| word.parse::<usize>().ok());
        assert!(number.is_some_and(|number| (1..=lines).contains(&number)), "{problem}");
    }
    let off = import.switched_off_left_out();
    off.world.check().expect("less is sound too");
}
