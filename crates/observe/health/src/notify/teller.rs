//! Telling, again and again until it is taken.
//!
//! Whoever does not take a notice is told again after ten seconds, then after twenty, and so on up to
//! half an hour; after twenty times, which is six hours, it is forgotten and said in the
//! log. One who does not answer holds nobody else up for longer than one attempt takes.

use std::collections::BTreeSet;

use heliostat_catalog::notice::{Channel, Notice};
use heliostat_catalog::{Actor, Catalog, Ending};
use heliostat_observe_probe::{LookError, Poster};
use tokio::runtime::{Builder, Runtime};

use super::mail::{MailError, Post};
use super::message::Recipients;
use super::webhook;

/// Whom to tell, and how.
#[derive(Clone, Debug, Default)]
pub struct TellerSettings {
    /// What we say who we are.
    pub agent: String,
    /// Who is told.
    pub recipients: Recipients,
    /// With what requests are signed.
    pub secret: Option<String>,
    /// The mail server's URL.
    pub smtp: Option<String>,
    /// From whom letters are.
    pub mail_from: Option<String>,
}

/// Takes notices from the catalog and tells them.
#[derive(Debug)]
pub struct Teller {
    settings: TellerSettings,
    poster: Poster,
    post: Option<Post>,
    runtime: Runtime,
}

/// What came of telling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Notices that were taken.
    pub told: usize,
    /// Notices that will be tried again, and why the last try failed.
    pub put_off: Vec<(String, String)>,
    /// Notices that nobody takes.
    pub given_up: usize,
}

/// Why nobody can be told.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    /// The catalog cannot be read or written.
    #[error("catalog")]
    Catalog(#[from] heliostat_catalog::Error),
    /// Letters cannot be sent as it is set.
    #[error("the settings of mail make no sense")]
    Mail(#[from] MailError),
    /// There is no client.
    #[error("no client")]
    Client(#[from] LookError),
    /// The machine has no room.
    #[error("this machine has no room")]
    Machine(#[source] std::io::Error),
    /// A setting is missing.
    #[error("{0}")]
    Missing(&'static str),
}

/// Why one was not told.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0}")]
    Post(#[from] LookError),
    #[error("it answered {0}")]
    Status(u16),
    #[error("{0}")]
    Mail(#[from] MailError),
    #[error("no mail server is set")]
    NoServer,
}

impl Failed {
    /// The mail server is away, and with it everybody who gets letters.
    fn is_of_server(&self) -> bool {
        match self {
            Failed::Mail(MailError::Smtp(error)) => !error.is_permanent(),
            Failed::NoServer => true,
            _ => false,
        }
    }
}

impl Teller {
    /// Gets ready, and checks the settings.
    ///
    /// # Errors
    ///
    /// What is wrong with them, or that this machine has no room.
    pub fn new(settings: TellerSettings) -> Result<Teller, TellError> {
        let mails = !settings.recipients.mailboxes.is_empty() || settings.recipients.contacts;
        let post = match (&settings.smtp, &settings.mail_from) {
            (Some(url), Some(from)) => Some(Post::new(url, from)?),
            (None, _) if mails => return Err(TellError::Missing("mail has no server: set smtp")),
            (_, None) if mails => {
                return Err(TellError::Missing("mail has no sender: set mail_from"));
            }
            _ => None,
        };
        for mailbox in &settings.recipients.mailboxes {
            if !super::mail::is_mailbox(mailbox) {
                return Err(MailError::Mailbox(mailbox.clone()).into());
            }
        }
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(2).build();
        let runtime = runtime.map_err(TellError::Machine)?;
        Ok(Teller { poster: Poster::new(&settings.agent)?, post, runtime, settings })
    }

    /// Tells what is due, each once.
    ///
    /// # Errors
    ///
    /// When the catalog cannot be read or written. That somebody is not there is no error.
    pub fn tell(&self, catalog: &mut Catalog, now_unix_s: u64) -> Result<Counts, TellError> {
        let actor = Actor { name: "notify".to_owned(), now_unix_s };
        let due = catalog.read(|view| view.notice_list(now_unix_s, DUE_MAX))?;
        let (mut counts, mut away) = (Counts::default(), BTreeSet::new());
        for notice in &due {
            let wanted = self.is_wanted(notice);
            let whoms = [(notice.channel, ""), (notice.channel, notice.recipient.as_str())];
            if wanted && !whoms.iter().any(|whom| away.contains(whom)) {
                match self.one(notice) {
                    Ok(()) => counts.told += 1,
                    Err(failed) => {
                        counts.put_off.push((notice.recipient.clone(), because(&failed)));
                        away.insert(whoms[usize::from(!failed.is_of_server())]);
                    }
                }
            }
            // What else is for whoever is away waits with it.
            let is_away = wanted && whoms.iter().any(|whom| away.contains(whom));
            let gives_up = notice.attempts + 1 >= ATTEMPTS_MAX;
            counts.given_up += usize::from(is_away && gives_up);
            catalog.write(&actor, Ending::Commit, |txn| match is_away && !gives_up {
                true => txn.notice_again(notice, now_unix_s + pause_s(notice.attempts)),
                false => txn.notice_remove(notice.id),
            })?;
        }
        Ok(counts)
    }

    /// Tells one notice now, without the catalog.
    ///
    /// # Errors
    ///
    /// Why it was not taken, for people.
    pub fn tell_now(&self, notice: &Notice) -> Result<(), String> {
        self.one(notice).map_err(|failed| because(&failed))
    }

    /// Whether the settings still name whoever a notice is for.
    fn is_wanted(&self, notice: &Notice) -> bool {
        let Recipients { webhooks, mailboxes, contacts, .. } = &self.settings.recipients;
        match notice.channel {
            Channel::Webhook => webhooks.contains(&notice.recipient),
            Channel::Mail => *contacts || mailboxes.contains(&notice.recipient),
        }
    }

    fn one(&self, notice: &Notice) -> Result<(), Failed> {
        match notice.channel {
            Channel::Mail => match &self.post {
                Some(post) => Ok(post.send(notice)?),
                None => Err(Failed::NoServer),
            },
            Channel::Webhook => {
                let secret = self.settings.secret.as_deref();
                let sent = webhook::send(&self.poster, notice, secret);
                match self.runtime.block_on(sent)? {
                    200..=299 => Ok(()),
                    status => Err(Failed::Status(status)),
                }
            }
        }
    }
}

/// What failed, down to what the system said.
fn because(failed: &Failed) -> String {
    let mut said = failed.to_string();
    let mut cause: Option<&dyn std::error::Error> = match failed {
        Failed::Post(error) => std::error::Error::source(error),
        Failed::Mail(error) => std::error::Error::source(error),
        _ => None,
    };
    while let Some(inner) = cause {
        said = format!("{said}: {inner}");
        cause = inner.source();
    }
    said
}

/// How long to wait after so many attempts.
fn pause_s(attempts: u32) -> u64 {
    (PAUSE_S_MIN << attempts.min(16)).min(PAUSE_S_MAX)
}

/// How often somebody is told at most.
pub(crate) const ATTEMPTS_MAX: u32 = 20;

const PAUSE_S_MIN: u64 = 10;
const PAUSE_S_MAX: u64 = 1_800;

/// So many notices are told in one go.
const DUE_MAX: u32 = 200;
