//! rpm-md: `repomd.xml` and what it references. The packages themselves are named like packages and
//! have the hashes that the index says, but nothing in them that could be installed.

use super::{Repository, element, gzip, sha256, sweep};
use crate::tree::Tree;

/// Writes a repository of rpm-md; what the version before had is removed, as `createrepo_c` does it.
pub(crate) fn rpm(tree: &mut Tree, repository: Repository<'_>) {
    let Repository { path, packages, version, now_unix_s } = repository;
    let packages: Vec<Package> =
        packages.iter().map(|name| Package::make(name, version, now_unix_s)).collect();
    for package in &packages {
        let at = format!("{path}/{}", package.location);
        tree.insert(&at, package.bytes.clone(), now_unix_s);
    }
    let mut repomd = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <repomd xmlns=\"http://linux.duke.edu/metadata/repo\" \
         xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\">\n  <revision>{now_unix_s}</revision>\n"
    );
    let mut named = Vec::new();
    for (kind, text) in [
        ("primary", primary(&packages)),
        ("filelists", filelists(&packages)),
        ("other", other(&packages)),
    ] {
        let compressed = gzip(text.as_bytes());
        let name = format!("{}-{kind}.xml.gz", sha256(&compressed));
        repomd += &format!(
            "  <data type=\"{kind}\">\n    <checksum type=\"sha256\">{}</checksum>\n    \
             <open-checksum type=\"sha256\">{}</open-checksum>\n    \
             <location href=\"repodata/{name}\"/>\n    <timestamp>{now_unix_s}</timestamp>\n    \
             <size>{}</size>\n    <open-size>{}</open-size>\n  </data>\n",
            sha256(&compressed),
            sha256(text.as_bytes()),
            compressed.len(),
            text.len()
        );
        tree.insert(&format!("{path}/repodata/{name}"), compressed, now_unix_s);
        named.push(name);
    }
    repomd += "</repomd>\n";
    tree.insert(&format!("{path}/repodata/repomd.xml"), repomd, now_unix_s);
    let stays = |name: &str| name == "repomd.xml" || named.iter().any(|known| known == name);
    sweep(tree, &format!("{path}/repodata"), stays);
}

struct Package<'a> {
    name: &'a str,
    version: String,
    location: String,
    bytes: Vec<u8>,
    sha256: String,
    time_unix_s: i64,
}

impl Package<'_> {
    fn make(name: &str, version: u32, time_unix_s: i64) -> Package<'_> {
        let version = format!("1.{version}");
        let initial = name.get(..1).unwrap_or("_");
        let location = format!("Packages/{initial}/{name}-{version}-1.noarch.rpm");
        let bytes = format!("{name} {version}\n").repeat(40).into_bytes();
        let sha256 = sha256(&bytes);
        Package { name, version, location, bytes, sha256, time_unix_s }
    }

    fn version(&self) -> String {
        format!("<version epoch=\"0\" ver=\"{}\" rel=\"1\"/>\n", self.version)
    }
}

fn primary(packages: &[Package<'_>]) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <metadata xmlns=\"http://linux.duke.edu/metadata/common\" \
         xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"{}\">\n",
        packages.len()
    );
    for package in packages {
        let Package { name, location, bytes, sha256, time_unix_s, .. } = package;
        let size = bytes.len();
        text += "<package type=\"rpm\">\n";
        text += &element("name", name);
        text += &element("arch", "noarch");
        text += &package.version();
        text += &format!("<checksum type=\"sha256\" pkgid=\"YES\">{sha256}</checksum>\n");
        text += &element("summary", format_args!("{name}, of which there is nothing"));
        text += &element("description", "A name in an index.");
        text += "<packager/>\n<url/>\n";
        text += &format!("<time file=\"{time_unix_s}\" build=\"{time_unix_s}\"/>\n");
        text += &format!("<size package=\"{size}\" installed=\"{size}\" archive=\"{size}\"/>\n");
        text += &format!("<location href=\"{location}\"/>\n");
        text += &format!(
            "<format>\n<rpm:license>MIT</rpm:license>\n<rpm:vendor/>\n\
             <rpm:group>Unspecified</rpm:group>\n<rpm:buildhost>localhost</rpm:buildhost>\n\
             <rpm:sourcerpm>{name}-{}-1.src.rpm</rpm:sourcerpm>\n\
             <rpm:header-range start=\"0\" end=\"{size}\"/>\n\
             <rpm:provides>\n<rpm:entry name=\"{name}\" flags=\"EQ\" epoch=\"0\" ver=\"{}\" \
             rel=\"1\"/>\n</rpm:provides>\n</format>\n</package>\n",
            package.version, package.version
        );
    }
    text + "</metadata>\n"
}

fn filelists(packages: &[Package<'_>]) -> String {
    lists(packages, "filelists", |package| format!("<file>/usr/share/{}</file>\n", package.name))
}

fn other(packages: &[Package<'_>]) -> String {
    lists(packages, "otherdata", |_| String::new())
}

fn lists(packages: &[Package<'_>], root: &str, inside: impl Fn(&Package<'_>) -> String) -> String {
    let space = root.trim_end_matches("data");
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <{root} xmlns=\"http://linux.duke.edu/metadata/{space}\" packages=\"{}\">\n",
        packages.len()
    );
    for package in packages {
        let Package { name, sha256, .. } = package;
        text += &format!("<package pkgid=\"{sha256}\" name=\"{name}\" arch=\"noarch\">\n");
        text += &package.version();
        text += &inside(package);
        text += "</package>\n";
    }
    text + &format!("</{root}>\n")
}
