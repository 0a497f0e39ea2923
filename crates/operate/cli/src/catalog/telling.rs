//! Who is told that mirrors have gone or come back.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use heliostat_catalog::{Catalog, Place};
use heliostat_observe_health::notify::{Recipients, Teller, TellerSettings, test_notices};

use super::args::first_line;
use crate::{Error, clock};

/// The section `[notify]`.
#[derive(Clone, Debug, Args)]
pub struct NotifyOptions {
    /// A URL that gets a POST request with JSON whenever a mirror goes or comes back; more than one
    /// may be given.
    #[arg(long, value_name = "HOOK", help_heading = "Notifications")]
    pub webhook: Vec<String>,
    /// A file whose first line is a key: requests then have an `X-Heliostat-Signature-256` header,
    /// `sha256=` and the HMAC-SHA-256 of the body.
    #[arg(long, value_name = "FILE", help_heading = "Notifications")]
    pub webhook_key: Option<PathBuf>,
    /// A mailbox that gets a letter whenever a mirror goes or comes back; more than one may be given.
    #[arg(long, value_name = "MAILBOX", help_heading = "Notifications")]
    pub mail_to: Vec<String>,
    /// Whether a host's own contact gets a letter when it is that host, if the contact in the catalog
    /// is a mailbox [default: false].
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", help_heading = "Notifications")]
    pub mail_contacts: Option<bool>,
    /// From whom letters are.
    #[arg(long, value_name = "MAILBOX", help_heading = "Notifications")]
    pub mail_from: Option<String>,
    /// The mail server: `smtp://host:25`, `smtp://user:password@host:587?tls=required`,
    /// `smtps://user:password@host`.
    #[arg(long, value_name = "SMTP", help_heading = "Notifications")]
    pub smtp: Option<String>,
    /// A file whose first line is that URL: it may have a password.
    #[arg(long, value_name = "FILE", help_heading = "Notifications")]
    pub smtp_file: Option<PathBuf>,
    /// When more hosts than this change in one round, one message tells of all of them.
    #[arg(long, value_name = "N", default_value_t = 5, help_heading = "Notifications")]
    pub digest_above: usize,
}

impl NotifyOptions {
    /// Who is told.
    pub(super) fn recipients(&self) -> Recipients {
        Recipients {
            webhooks: self.webhook.clone(),
            mailboxes: self.mail_to.clone(),
            contacts: self.mail_contacts.unwrap_or(false),
            hosts_max: self.digest_above,
        }
    }

    /// Whoever tells them; nobody, when there is nobody to tell.
    pub(super) fn teller(&self) -> Result<Option<Teller>, Error> {
        let recipients = self.recipients();
        if recipients.is_empty() {
            return Ok(None);
        }
        let smtp = match (&self.smtp_file, &self.smtp) {
            (Some(path), _) => Some(first_line(path)?),
            (None, url) => url.clone(),
        };
        let settings = TellerSettings {
            agent: concat!("heliostat/", env!("CARGO_PKG_VERSION")).to_owned(),
            recipients,
            secret: self.webhook_key.as_deref().map(first_line).transpose()?,
            smtp,
            mail_from: self.mail_from.clone(),
        };
        Ok(Some(Teller::new(settings).map_err(Error::Notify)?))
    }
}

/// Tells everybody that this is a test, and says who took it.
pub(super) fn test(options: &NotifyOptions, out: &mut impl Write) -> Result<(), Error> {
    let Some(teller) = options.teller()? else {
        let what = "nobody is to be told: set webhook, mail_to or mail_contacts in [notify]";
        return Err(Error::Nothing(what.to_owned()));
    };
    let mut failed = 0;
    for notice in test_notices(&options.recipients(), clock::now_unix_s()) {
        match teller.tell_now(&notice) {
            Ok(()) => writeln!(out, "{}: taken", notice.recipient)?,
            Err(why) => {
                failed += 1;
                writeln!(out, "{}: not taken: {why}", notice.recipient)?;
            }
        }
    }
    match failed {
        0 => Ok(()),
        count => Err(Error::Untold { count }),
    }
}

/// Tells whatever there is to tell, as long as this process lives, and is in nobody's way.
pub(super) fn start(place: Place, teller: Teller) -> Result<(), Error> {
    std::thread::Builder::new().name("notify".to_owned()).spawn(move || {
        let mut catalog = None;
        loop {
            if catalog.is_none() {
                catalog = Catalog::open(&place, clock::now_unix_s()).ok();
            }
            if let Some(open) = &mut catalog
                && tell(&teller, open).is_err()
            {
                catalog = None;
            }
            std::thread::sleep(PAUSE);
        }
    })?;
    Ok(())
}

/// Tells what is due, and says who did not take it.
pub(super) fn tell(teller: &Teller, catalog: &mut Catalog) -> Result<(), Error> {
    let counts = teller.tell(catalog, clock::now_unix_s()).map_err(Error::Notify)?;
    let mut err = std::io::stderr().lock();
    for (recipient, why) in &counts.put_off {
        writeln!(err, "warning: {recipient} was not told, and will be told again: {why}")?;
    }
    if counts.given_up > 0 {
        writeln!(err, "warning: {} notices were forgotten: nobody took them", counts.given_up)?;
    }
    Ok(())
}

/// How soon something new is told.
const PAUSE: Duration = Duration::from_secs(2);
