//! Letters through an SMTP server that the operator names.

use std::time::Duration;

use heliostat_catalog::notice::Notice;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::{Message, SmtpTransport, Transport};

/// A way to send letters.
#[derive(Debug)]
pub struct Post {
    from: Mailbox,
    transport: SmtpTransport,
}

/// Why a letter was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A mailbox is none.
    #[error("{0} is no mailbox like mirrors@example.org or Name <mirrors@example.org>")]
    Mailbox(String),
    /// The URL of the server is none.
    #[error(
        "this is no URL like smtp://host:25, smtp://user:password@host:587?tls=required or smtps://host"
    )]
    Url(#[source] lettre::transport::smtp::Error),
    /// The letter cannot be written.
    #[error("the letter cannot be written")]
    Letter(#[source] lettre::error::Error),
    /// The server did not take it.
    #[error("the mail server did not take it")]
    Smtp(#[source] lettre::transport::smtp::Error),
}

impl Post {
    /// A way through the server of `url`, with letters from `from`.
    ///
    /// # Errors
    ///
    /// When one of them makes no sense.
    pub fn new(url: &str, from: &str) -> Result<Post, MailError> {
        // Somebody else in this process may have chosen already, and chose the same.
        heliostat_observe_probe::choose_crypto();
        let from = mailbox(from)?;
        let transport = SmtpTransport::from_url(url).map_err(MailError::Url)?;
        Ok(Post { from, transport: transport.timeout(Some(PATIENCE)).build() })
    }

    /// Sends a letter.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or the server does not take it.
    pub fn send(&self, notice: &Notice) -> Result<(), MailError> {
        let letter = Message::builder()
            .from(self.from.clone())
            .to(mailbox(&notice.recipient)?)
            .subject(format!("[Heliostat] {}", notice.subject))
            .message_id(Some(self.message_id(notice)))
            .header(ContentType::TEXT_PLAIN)
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .body(notice.body.clone())
            .map_err(MailError::Letter)?;
        self.transport.send(&letter).map(drop).map_err(MailError::Smtp)
    }

    /// The same for the same notice: a letter that comes twice is known again.
    fn message_id(&self, notice: &Notice) -> String {
        let domain = self.from.email.domain();
        format!("<heliostat.{}.{}@{domain}>", notice.at_unix_s, notice.id)
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn mailbox(text: &str) -> Result<Mailbox, MailError> {
    text.trim().parse().map_err(|_| MailError::Mailbox(text.chars().take(120).collect()))
}

/// Whether letters can go there.
pub(super) fn is_mailbox(text: &str) -> bool {
    text.len() <= MAILBOX_BYTES_MAX && mailbox(text).is_ok()
}

const PATIENCE: Duration = Duration::from_secs(20);

const MAILBOX_BYTES_MAX: usize = 320;
