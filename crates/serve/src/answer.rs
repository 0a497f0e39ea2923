//! From a question to an answer: find what is meant, choose mirrors, write.
//!
//! Nothing here can fail, wait or look at the world; what the answer depends on is in the
//! arguments.

use std::borrow::Cow;

use heliostat_snapshot::escape;
use heliostat_snapshot::records::{DirectoryRow, FileRow, RepositoryRow};
use heliostat_snapshot::{Code, Snapshot};

use crate::ask::{Ask, Form, Schemes};
use crate::choose::{Case, Choice, Silent, Tier, choose};
use crate::write::{self, Explanation};

/// What became of a question; the bytes of the answer are in the [`Scratch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What kind of answer it is.
    pub outcome: Outcome,
    /// Which form it has.
    pub form: Form,
    /// The client's country, for the access log.
    pub country: Option<Code>,
    /// The repository that was asked for, when it exists and is served.
    pub repository: Option<u32>,
    /// The nearest tier that gave a mirror.
    pub tier: Option<Tier>,
}

/// The kinds of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A list of mirrors, in the form that was asked for; it may be empty.
    List,
    /// A redirect; the body is the URL.
    Redirect,
    /// The reasons instead of the list; the body is JSON.
    Explanation,
    /// Neither a path nor a repository and an architecture were given.
    NothingAsked,
    /// No such directory, nor a file in one.
    NoSuchPath,
    /// No such repository, or not for this architecture.
    NoSuchRepository,
    /// The repository is switched off.
    RepositoryDisabled,
    /// Nothing is known about the content of the file, so a metalink would promise nothing.
    NoDetails,
    /// A redirect was asked for, and no mirror can be redirected to.
    NoRedirect,
}

/// Memory that answers reuse: after a few answers, none allocates.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The bytes of the answer.
    pub body: Vec<u8>,
    choice: Choice,
    tail: Vec<u8>,
    key: Vec<u8>,
    path: Vec<u8>,
}

/// Answers a question from a snapshot.
///
/// The body is written to [`Scratch::body`], which is cleared first.
pub fn answer(snapshot: &Snapshot, ask: &Ask<'_>, scratch: &mut Scratch) -> Answer {
    scratch.body.clear();
    let place = snapshot.place(ask.address);
    let mut answer = Answer {
        outcome: Outcome::List,
        form: ask.form,
        country: place.country,
        repository: None,
        tier: None,
    };
    let Scratch { body, choice, tail, key, path } = scratch;
    let (subject, target) = resolve(snapshot, ask, key, path);
    let target = match target {
        Ok(target) => target,
        Err(outcome) => {
            write::message(snapshot, ask, &subject, outcome, body);
            return Answer { outcome, ..answer };
        }
    };
    answer.repository = target.repository;
    if ask.form == Form::Metalink && target.details.is_none() && !ask.explain {
        write::message(snapshot, ask, &target.subject, Outcome::NoDetails, body);
        return Answer { outcome: Outcome::NoDetails, ..answer };
    }
    let schemes = schemes(ask);
    let case = Case::new(snapshot, ask, target.directory, place, schemes);
    if ask.explain {
        let explanation = write::explain(&case, &target, choice);
        body.extend(serde_json::to_vec_pretty(&explanation).unwrap_or_default());
        body.push(b'\n');
        return Answer { outcome: Outcome::Explanation, ..answer };
    }
    choose(&case, choice, &mut Silent);
    answer.tier = choice.nearest;
    if ask.redirect && ask.form == Form::Mirrorlist {
        let found = write::redirect(snapshot, &target, &choice.picks, schemes, tail, body);
        answer.outcome = if found { Outcome::Redirect } else { Outcome::NoRedirect };
        return answer;
    }
    match target.details.filter(|_| ask.form == Form::Metalink) {
        Some(file) => write::metalink(snapshot, ask, &target, file, choice, tail, body),
        None => write::mirrorlist(snapshot, ask, &target, choice, tail, body),
    }
    answer
}

/// Answers a question with its reasons: every candidate, and why it is or is not in the list.
///
/// # Errors
///
/// What the answer would be when there is nothing to explain.
pub fn explanation(snapshot: &Snapshot, ask: &Ask<'_>) -> Result<Explanation, Outcome> {
    let place = snapshot.place(ask.address);
    let Scratch { mut choice, mut key, mut path, .. } = Scratch::default();
    let (_, target) = resolve(snapshot, ask, &mut key, &mut path);
    let target = target?;
    let case = Case::new(snapshot, ask, target.directory, place, schemes(ask));
    Ok(write::explain(&case, &target, &mut choice))
}

/// The schemes of which a mirror must have one to be a candidate.
fn schemes(ask: &Ask<'_>) -> Schemes {
    match ask.form {
        Form::Mirrorlist if ask.redirect => ask.schemes.unwrap_or(Schemes::WEB).web(),
        Form::Mirrorlist => ask.schemes.unwrap_or(Schemes::DEFAULT),
        Form::Metalink => ask.schemes.unwrap_or(Schemes::ALL),
    }
}

/// What was asked for, as the answer names it.
#[derive(Clone, Debug)]
pub(crate) enum Subject<'a> {
    /// A repository, after its redirect.
    Repository { name: Cow<'a, [u8]>, arch: &'a [u8], directory: Option<&'a DirectoryRow> },
    /// A path, cleaned.
    Path(&'a [u8]),
}

/// What is served.
#[derive(Clone, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) subject: Subject<'a>,
    /// The directory whose mirrors are candidates.
    pub(crate) directory: &'a DirectoryRow,
    /// The file within it; none when the directory itself was asked for.
    pub(crate) file: Option<&'a [u8]>,
    /// What is known about the content of the file.
    pub(crate) details: Option<&'a FileRow>,
    /// The repository that was asked for.
    pub(crate) repository: Option<u32>,
}

/// Finds out what is meant.
fn resolve<'a>(
    snapshot: &'a Snapshot,
    ask: &'a Ask<'a>,
    key: &mut Vec<u8>,
    path: &'a mut Vec<u8>,
) -> (Subject<'a>, Result<Target<'a>, Outcome>) {
    if let Some(asked) = &ask.path {
        clean(asked, path);
        let subject = Subject::Path(path);
        let target = path_target(snapshot, path, subject.clone());
        return (subject, target.ok_or(Outcome::NoSuchPath));
    }
    let (Some(repo), Some(arch)) = (&ask.repo, &ask.arch) else {
        return (Subject::Path(b""), Err(Outcome::NothingAsked));
    };
    let arch: &[u8] = if is_source(repo) { b"source" } else { arch };
    let name = snapshot.name_find(repo);
    let target = name.map_or(repo.as_ref(), |name| snapshot.text(name.target));
    let subject = Subject::Repository { name: Cow::Borrowed(target), arch, directory: None };
    if name.is_some_and(|name| name.target_disabled != 0) {
        return (subject, Err(Outcome::RepositoryDisabled));
    }
    let served = snapshot.repository_find(target, arch, key);
    let found = served.and_then(|row| {
        let served = snapshot.row::<RepositoryRow>(row)?;
        let directory = snapshot.row::<DirectoryRow>(served.directory.get())?;
        Some((row, served, directory))
    });
    let Some((row, served, directory)) = found else {
        return (subject, Err(Outcome::NoSuchRepository));
    };
    let subject =
        Subject::Repository { name: Cow::Borrowed(target), arch, directory: Some(directory) };
    let target = match ask.form {
        Form::Mirrorlist => Target {
            subject: subject.clone(),
            directory,
            file: None,
            details: None,
            repository: Some(row),
        },
        Form::Metalink => {
            let Some(metadata) = snapshot.row::<DirectoryRow>(served.metadata.get()) else {
                return (subject, Err(Outcome::NoDetails));
            };
            Target {
                subject: subject.clone(),
                directory: metadata,
                file: Some(METADATA_FILE),
                details: snapshot.file_find(metadata, METADATA_FILE),
                repository: Some(row),
            }
        }
    };
    (subject, Ok(target))
}

/// A directory, or a file of a known directory.
fn path_target<'a>(
    snapshot: &'a Snapshot,
    path: &'a [u8],
    subject: Subject<'a>,
) -> Option<Target<'a>> {
    let directory = |name| snapshot.row::<DirectoryRow>(snapshot.directory_find(name)?);
    if let Some(directory) = directory(path) {
        return Some(Target { subject, directory, file: None, details: None, repository: None });
    }
    let slash = path.iter().rposition(|&byte| byte == b'/')?;
    let (parent, file) = (&path[..slash], &path[slash + 1..]);
    let directory = directory(parent)?;
    let details = snapshot.file_find(directory, file);
    Some(Target { subject, directory, file: Some(file), details, repository: None })
}

/// A path without slashes at its ends and with single ones inside.
fn clean(path: &[u8], clean: &mut Vec<u8>) {
    clean.clear();
    for part in path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()) {
        if !clean.is_empty() {
            clean.push(b'/');
        }
        clean.extend_from_slice(part);
    }
}

/// Whether a repository holds source packages, by its name.
pub(crate) fn is_source(repo: &[u8]) -> bool {
    repo.windows(6).any(|window| window == b"source")
}

impl Subject<'_> {
    /// Appends `# repo = R arch = A ` or `# path = P `.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Subject::Repository { name, arch, .. } => {
                out.extend(b"# repo = ");
                escape::line(out, name);
                out.extend(b" arch = ");
                escape::line(out, arch);
            }
            Subject::Path(path) => {
                out.extend(b"# path = ");
                escape::line(out, path);
            }
        }
        out.push(b' ');
    }

    /// Appends the full name of the file that was asked for.
    pub(crate) fn put_file(&self, snapshot: &Snapshot, out: &mut Vec<u8>) {
        match self {
            Subject::Repository { directory, .. } => {
                let name = directory.map_or(&[][..], |row| snapshot.text(row.name));
                escape::line(out, name);
                if !name.ends_with(b"/repodata") {
                    out.extend(b"/repodata");
                }
                out.push(b'/');
                out.extend(METADATA_FILE);
            }
            Subject::Path(path) => escape::line(out, path),
        }
    }
}

/// What follows every base URL of an answer: the directory's tail, the file and an end.
pub(crate) fn tail(snapshot: &Snapshot, target: &Target<'_>, end: &[u8], tail: &mut Vec<u8>) {
    tail.clear();
    tail.extend(snapshot.text(target.directory.tail));
    escape::url_path(tail, target.file.unwrap_or_default());
    tail.extend(end);
}

/// The same, escaped for XML.
pub(crate) fn tail_escaped(
    snapshot: &Snapshot,
    target: &Target<'_>,
    end: &[u8],
    tail: &mut Vec<u8>,
) {
    tail.clear();
    tail.extend(snapshot.text(target.directory.tail_escaped));
    if let Some(file) = target.file {
        let mut path = Vec::with_capacity(file.len());
        escape::url_path(&mut path, file);
        escape::xml(tail, &path);
    }
    tail.extend(end);
}

impl Schemes {
    /// Only what a redirect can lead to.
    fn web(self) -> Schemes {
        Schemes::WEB.iter().filter(|&s| self.has(s as u8)).fold(Schemes::NONE, Schemes::with)
    }
}

/// What a repository's metalink is about.
const METADATA_FILE: &[u8] = b"repomd.xml";
