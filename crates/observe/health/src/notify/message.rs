//! What is told, and to whom.
//!
//! One message for each host that has changed, with all its URLs; when more than a few have, one for
//! all of them together. The same goes to programs as JSON and to people as text.

use std::collections::{BTreeMap, BTreeSet};

use heliostat_catalog::notice::{Channel, Notice};
use heliostat_observe_probe::Family;
use serde_json::{Value, json};

use crate::round::Change;

/// Who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    /// URLs that get a request.
    pub webhooks: Vec<String>,
    /// Mailboxes of those who run all this.
    pub mailboxes: Vec<String>,
    /// Hosts' own contacts get what is of their host, if the catalog has their mailboxes.
    pub contacts: bool,
    /// When more hosts change at once, there is one message for all of them.
    pub hosts_max: usize,
}

impl Recipients {
    /// Nobody is told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.webhooks.is_empty() && self.mailboxes.is_empty() && !self.contacts
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A host has changed.
    Host(Vec<Change>),
    /// Most mirrors fail at once over these addresses, or do no longer.
    Network(Family, bool),
    /// A category has lost its last good mirror, or has one again.
    Category(String, bool),
}

/// What was told of the network and of categories, so that only news are told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    ours: BTreeSet<Family>,
    without: BTreeSet<String>,
}

impl Told {
    /// What is new of a round, and what will have been told with it.
    pub(crate) fn news(
        &self,
        changes: &[Change],
        ours: &[Family],
        without: &[String],
    ) -> (Vec<Event>, Told) {
        let mut hosts: BTreeMap<i64, Vec<Change>> = BTreeMap::new();
        for change in changes {
            hosts.entry(change.host_id).or_default().push(change.clone());
        }
        let mut events: Vec<Event> = hosts.into_values().map(Event::Host).collect();
        let ours: BTreeSet<Family> = ours.iter().copied().collect();
        let turned = ours.symmetric_difference(&self.ours);
        events.extend(turned.map(|&family| Event::Network(family, ours.contains(&family))));
        let without: BTreeSet<String> = without.iter().cloned().collect();
        let turned = without.symmetric_difference(&self.without);
        events.extend(turned.map(|name| Event::Category(name.clone(), without.contains(name))));
        (events, Told { ours, without })
    }
}

/// The notices of a round.
pub(crate) fn messages(
    events: &[Event],
    recipients: &Recipients,
    contact: impl Fn(i64) -> String,
    now_unix_s: u64,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    let hosts = events.iter().filter(|event| matches!(event, Event::Host(_))).count();
    let together = hosts > recipients.hosts_max.max(1);
    let (mut digest, mut others) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            Event::Host(_) if together => digest.push(event.clone()),
            event => others.push(vec![event.clone()]),
        }
    }
    // A digest that is too long for one message is two.
    others.extend(digest.chunks(DIGEST_HOSTS_MAX).map(<[Event]>::to_vec));
    for events in &others {
        notices.extend(of(&Message::new(events, now_unix_s), recipients));
    }
    if recipients.contacts {
        for event in events {
            let Event::Host(changes) = event else { continue };
            let Some(mailbox) = changes.first().map(|change| contact(change.host_id)) else {
                continue;
            };
            let is_told = recipients.mailboxes.contains(&mailbox);
            if super::mail::is_mailbox(&mailbox) && !is_told {
                let message = Message::new(std::slice::from_ref(event), now_unix_s);
                notices.push(message.notice(Channel::Mail, &mailbox));
            }
        }
    }
    notices
}

/// Notices that say nothing but that they arrive.
#[must_use]
pub fn test_notices(recipients: &Recipients, now_unix_s: u64) -> Vec<Notice> {
    let message = Message {
        at_unix_s: now_unix_s,
        subject: "a test".to_owned(),
        text: "This is a test of Heliostat's notifications. Nothing has happened.\n".to_owned(),
        json: json!({ "event": "test", "at_unix_s": now_unix_s }),
    };
    of(&message, recipients)
}

fn of(message: &Message, recipients: &Recipients) -> Vec<Notice> {
    let webhooks = recipients.webhooks.iter().map(|url| (Channel::Webhook, url));
    let all = webhooks.chain(recipients.mailboxes.iter().map(|mailbox| (Channel::Mail, mailbox)));
    all.map(|(channel, recipient)| message.notice(channel, recipient)).collect()
}

/// The same for programs and for people.
struct Message {
    at_unix_s: u64,
    subject: String,
    text: String,
    json: Value,
}

impl Message {
    fn new(events: &[Event], at_unix_s: u64) -> Message {
        let hosts: Vec<&Vec<Change>> = events.iter().filter_map(changes).collect();
        let (subject, text) = match events {
            [one] => (subject(one), text(one)),
            many => (digest(&hosts), many.iter().map(text).collect::<Vec<_>>().join("\n")),
        };
        let json = match events {
            [Event::Network(family, ours)] => json!({
                "event": "network", "at_unix_s": at_unix_s, "family": name(*family), "failing": ours,
            }),
            [Event::Category(category, without)] => json!({
                "event": "category", "at_unix_s": at_unix_s, "category": category,
                "without_good_mirror": without,
            }),
            _ => json!({
                "event": "hosts", "at_unix_s": at_unix_s,
                "hosts": hosts.into_iter().map(|changes| host_json(changes)).collect::<Vec<_>>(),
            }),
        };
        Message { at_unix_s, subject, text, json }
    }

    fn notice(&self, channel: Channel, recipient: &str) -> Notice {
        let body = match channel {
            Channel::Webhook => self.json.to_string(),
            Channel::Mail => self.text.clone(),
        };
        Notice {
            id: 0,
            at_unix_s: self.at_unix_s,
            channel,
            recipient: recipient.to_owned(),
            subject: self.subject.clone(),
            body,
            attempts: 0,
            due_unix_s: self.at_unix_s,
        }
    }
}

fn changes(event: &Event) -> Option<&Vec<Change>> {
    match event {
        Event::Host(changes) => Some(changes),
        _ => None,
    }
}

fn subject(event: &Event) -> String {
    match event {
        Event::Host(changes) => {
            let host = changes.first().map_or("", |change| change.host.as_str());
            let what = match changes.as_slice() {
                all if all.iter().all(|change| change.only_noted && !change.good) => {
                    "fails over IPv6"
                }
                all if all.iter().all(|change| change.only_noted) => "is back over IPv6",
                all if all.iter().all(|change| change.good) => "is back",
                all if all.iter().all(|change| !change.good) => "is left out",
                _ => "has changed",
            };
            cut(format!("{host} {what}"), SUBJECT_BYTES_MAX)
        }
        Event::Network(family, true) => format!("our own network fails over {}", name(*family)),
        Event::Network(family, false) => format!("our own network is back over {}", name(*family)),
        Event::Category(category, true) => {
            cut(format!("{category} has no good mirror"), SUBJECT_BYTES_MAX)
        }
        Event::Category(category, false) => {
            cut(format!("{category} has good mirrors again"), SUBJECT_BYTES_MAX)
        }
    }
}

fn digest(hosts: &[&Vec<Change>]) -> String {
    let gone = hosts.iter().filter(|changes| changes.iter().any(|change| !change.good)).count();
    format!("{gone} hosts are left out, {} are back", hosts.len() - gone)
}

fn text(event: &Event) -> String {
    match event {
        Event::Host(changes) => {
            let lines = changes.iter().take(URLS_MAX).map(|change| {
                let over = name(change.family);
                let what = match (change.good, change.only_noted) {
                    (true, false) => "is back: clients are given it again".to_owned(),
                    (true, true) => format!("is back over {over}"),
                    (false, false) => format!("is left out of answers: {}", change.reason),
                    (false, true) => {
                        format!("fails over {over}, but stays in answers: {}", change.reason)
                    }
                };
                cut(format!("  {} {what}", change.url), LINE_BYTES_MAX) + "\n"
            });
            let host = changes.first().map_or("", |change| change.host.as_str());
            let more = changes.len().saturating_sub(URLS_MAX);
            let more = if more > 0 { format!("  and {more} more URLs\n") } else { String::new() };
            format!("{host}\n{}{more}", lines.collect::<String>())
        }
        Event::Network(family, true) => format!(
            "Most mirrors fail at once over {}. That is rather our own network, so nothing of it \
             counts: answers stay as they were.\n",
            name(*family)
        ),
        Event::Network(family, false) => {
            format!("Most mirrors answer again over {}.\n", name(*family))
        }
        Event::Category(category, true) => format!(
            "No mirror of {category} is good any more. Answers go on with those that are the least \
             bad.\n"
        ),
        Event::Category(category, false) => format!("{category} has good mirrors again.\n"),
    }
}

fn host_json(changes: &[Change]) -> Value {
    let first = changes.first();
    let urls: Vec<Value> = changes
        .iter()
        .take(URLS_MAX)
        .map(|change| {
            json!({
                "url": cut(change.url.clone(), LINE_BYTES_MAX),
                "category": cut(change.category.clone(), SUBJECT_BYTES_MAX),
                "family": name(change.family),
                "good": change.good,
                "in_answers": change.good || change.only_noted,
                "reason": cut(change.reason.clone(), SUBJECT_BYTES_MAX),
            })
        })
        .collect();
    json!({
        "host": first.map(|change| &change.host),
        "host_id": first.map(|change| change.host_id),
        "urls": urls,
        "urls_total": changes.len(),
    })
}

pub(crate) const fn name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

/// Words of strangers in one line that is not too long.
fn cut(text: String, bytes_max: usize) -> String {
    let mut cut: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut end = cut.len().min(bytes_max);
    while !cut.is_char_boundary(end) {
        end -= 1;
    }
    cut.truncate(end);
    cut
}

/// So many hosts stand in one digest at most, and so many URLs of each.
const DIGEST_HOSTS_MAX: usize = 40;
const URLS_MAX: usize = 4;

const SUBJECT_BYTES_MAX: usize = 200;
const LINE_BYTES_MAX: usize = 400;
