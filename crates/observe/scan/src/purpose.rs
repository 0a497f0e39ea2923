//! What a file is for, by its name and the folder that it lies in.

use heliostat_catalog::scan::SeenFile;
use heliostat_observe_probe::wire::Format;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The index of a repository: clients verify it, and it says what else there is.
    Index(Format),
    /// Hashes of the files beside it.
    Checksums,
    /// Something that clients verify and that nothing else vouches for.
    Verified,
    /// An image: clients verify it, and it is large.
    Image,
    /// Anything else.
    Plain,
}

/// What a file is for, among the files of its folder.
pub(crate) fn purpose(folder: &str, name: &str, beside: &[SeenFile]) -> Purpose {
    let has = |wanted: &str| beside.binary_search_by(|file| file.name.as_str().cmp(wanted)).is_ok();
    let last = folder.rsplit('/').next().unwrap_or_default();
    match name {
        "repomd.xml" if last == "repodata" => return Purpose::Index(Format::Repomd),
        // The one inside of the signature is the same; one of both is enough to look at.
        "InRelease" => return Purpose::Index(Format::Release),
        "Release" if has("InRelease") => return Purpose::Verified,
        "Release" if has("Release.gpg") => return Purpose::Index(Format::Release),
        "Release.gpg" | "repomd.xml.asc" => return Purpose::Verified,
        "APKINDEX.tar.gz" => return Purpose::Index(Format::ApkIndex),
        _ => {}
    }
    if let Some(stem) = name.strip_suffix(".db")
        && ["gz", "xz", "zst", "bz2"].iter().any(|kind| has(&format!("{stem}.db.tar.{kind}")))
    {
        return Purpose::Index(Format::ArchDatabase);
    }
    let upper = name.to_ascii_uppercase();
    let sums = ["MD5", "SHA1", "SHA256", "SHA512"].iter().any(|sum| {
        upper.strip_prefix(sum).is_some_and(|rest| matches!(rest, "SUMS" | "SUM" | "SUMS.TXT"))
            || upper.strip_suffix(&format!(".{sum}SUM")).is_some()
            || upper.strip_suffix(&format!(".{sum}")).is_some()
    });
    if sums
        || upper == "CHECKSUM"
        || upper.ends_with("-CHECKSUM")
        || upper.ends_with("CHECKSUM.TXT")
    {
        return Purpose::Checksums;
    }
    let images = [".iso", ".img", ".img.xz", ".raw.xz", ".qcow2", ".vmdk.xz"];
    if images.iter().any(|image| name.ends_with(image)) {
        return Purpose::Image;
    }
    Purpose::Plain
}

/// Whether a file's content changes while its name stays.
pub(crate) fn is_volatile(folder: &str, name: &str, beside: &[SeenFile]) -> bool {
    match purpose(folder, name, beside) {
        Purpose::Index(_) | Purpose::Checksums | Purpose::Verified => true,
        Purpose::Image => name.contains("latest"),
        Purpose::Plain => {
            let stem = name.split('.').next().unwrap_or_default();
            let indexes = ["Packages", "Sources", "Contents", "Translation-en", "ls-lR"];
            indexes.contains(&stem)
                || folder.split('/').any(|part| part == "trace")
                || matches!(
                    stem,
                    "fullfiletimelist" | "fullfilelist" | "TIME" | "index" | "timestamp"
                )
                || name.ends_with(".db.sig")
                || name.ends_with(".files")
        }
    }
}

#[cfg(test)]
mod tests {
    use heliostat_catalog::scan::SeenFile;
    use heliostat_observe_probe::wire::Format;

    use super::{Purpose, is_volatile, purpose};

    #[test]
    fn names_say_what_files_are_for() {
        let beside = |names: &[&str]| -> Vec<SeenFile> {
            let file = |name: &&str| SeenFile { name: (*name).into(), ..SeenFile::default() };
            names.iter().map(file).collect()
        };
        let none = beside(&[]);
        for (folder, name, beside, is) in [
            ("os/repodata", "repomd.xml", &none, Purpose::Index(Format::Repomd)),
            ("os", "repomd.xml", &none, Purpose::Plain),
            ("dists/x", "InRelease", &none, Purpose::Index(Format::Release)),
            ("dists/x", "Release", &beside(&["InRelease"]), Purpose::Verified),
            ("dists/x", "Release", &beside(&["Release.gpg"]), Purpose::Index(Format::Release)),
            ("dists/x/main/binary-amd64", "Release", &none, Purpose::Plain),
            (
                "core/os",
                "core.db",
                &beside(&["core.db.tar.gz"]),
                Purpose::Index(Format::ArchDatabase),
            ),
            ("x", "Thumbs.db", &none, Purpose::Plain),
            ("iso", "x.iso", &none, Purpose::Image),
            ("iso", "SHA256SUMS", &none, Purpose::Checksums),
            ("iso", "x.iso.sha256", &none, Purpose::Checksums),
            ("iso", "Fedora-40-CHECKSUM", &none, Purpose::Checksums),
            ("iso", "README", &none, Purpose::Plain),
        ] {
            assert_eq!(purpose(folder, name, beside), is, "{folder}/{name}");
        }
        assert!(is_volatile("os/repodata", "repomd.xml", &none));
        assert!(is_volatile("dists/x/main/binary-amd64", "Packages.xz", &none));
        assert!(is_volatile("project/trace", "master", &none));
        assert!(!is_volatile("Packages/a", "a.rpm", &none));
    }
}
