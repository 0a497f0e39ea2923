//! Every candidate, and why it is or is not in the answer.
//!
//! The choice is made by the same code as every other choice; it is only watched.

use std::collections::HashMap;

use heliostat_snapshot::Code;
use heliostat_snapshot::records::{HostRow, MirrorRow, PlaceNetblockRow, UrlRow};
use serde::Serialize;

use crate::answer::Target;
use crate::choose::{Case, Choice, LeftOut, Pick, Tier, Trace, choose};

/// The reasons of one answer.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// What was asked for, as the answer's first line names it.
    pub subject: String,
    /// The directory whose mirrors are candidates.
    pub directory: String,
    /// The generation of the snapshot that answered.
    pub generation: u64,
    /// The client, as the snapshot knows it.
    pub client: Client,
    /// Hosts that would have been enough without the rest of the world.
    pub hosts_min: u32,
    /// Those in the answer, in its order; then those left out.
    pub candidates: Vec<Candidate>,
}

/// What is known of a client's address.
#[derive(Clone, Debug, Serialize)]
pub struct Client {
    /// The address.
    pub address: String,
    /// It came from `ip=`, so private mirrors stay hidden.
    pub claimed: bool,
    /// Its country.
    pub country: Option<String>,
    /// The prefix under which the snapshot knows it.
    pub prefix: Option<String>,
    /// The autonomous system that announces it.
    pub asn: Option<u32>,
    /// Hosts with netblocks around it, most specific first, with the length of the prefix.
    pub netblocks: Vec<String>,
}

/// One mirror, in the answer or not.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    /// Its place in the answer, from 1.
    pub order: Option<u32>,
    /// The host's name.
    pub host: String,
    /// The host's number in the source system.
    pub host_id: u64,
    /// Where it stands.
    pub country: Option<String>,
    /// The tier in which it was picked, or looked at last.
    pub tier: Option<&'static str>,
    /// Its weight in the draw: bandwidth in Mbit/s.
    pub weight: u32,
    /// The number that ordered it within its tier; smaller comes first.
    pub draw: Option<f32>,
    /// Given to clients of its own networks only.
    pub private: bool,
    /// Connections that one client may open, when its owner said so.
    pub connections_max: Option<u32>,
    /// Its base URLs.
    pub urls: Vec<String>,
    /// Why it is not in the answer.
    pub left_out: Option<&'static str>,
}

/// Chooses as for an answer, and tells everything about it.
pub(crate) fn explain(case: &Case<'_>, target: &Target<'_>, choice: &mut Choice) -> Explanation {
    let mut record = Record::default();
    choose(case, choice, &mut record);
    let mut candidates: Vec<Candidate> = Vec::new();
    for (at, pick) in choice.picks.iter().enumerate() {
        let mut candidate = candidate(case, pick.mirror, pick.private);
        candidate.order = Some(at as u32 + 1);
        if let Some((tier, draw)) = record.picked.get(&pick.mirror) {
            candidate.tier = Some(tier.name());
            candidate.draw = Some(*draw);
        }
        candidates.push(candidate);
    }
    let picked = |mirror: u32| choice.picks.iter().any(|pick| pick.mirror == mirror);
    let members = |members: &[heliostat_snapshot::records::SetMemberRow], private| {
        members.iter().map(|member| (member.mirror.get(), private)).collect::<Vec<_>>()
    };
    let mut others = members(case.public, false);
    others.extend(members(case.private, true));
    let known: Vec<u32> = others.iter().map(|other| other.0).collect();
    others.extend(record.left_out.keys().filter(|m| !known.contains(m)).map(|&m| (m, false)));
    others.sort_unstable();
    for (mirror, private) in others.into_iter().filter(|&(mirror, _)| !picked(mirror)) {
        let mut candidate = candidate(case, mirror, private);
        let seen = record.left_out.get(&mirror);
        candidate.tier = seen.map(|(tier, _)| tier.name());
        let reason = seen.map_or_else(|| not_reached(case, private), |&(_, reason)| reason);
        candidate.left_out = Some(reason.reason());
        candidates.push(candidate);
    }
    let mut subject = Vec::new();
    target.subject.put(&mut subject);
    Explanation {
        subject: lossy(subject.trim_ascii()),
        directory: lossy(case.snapshot.text(target.directory.name)),
        generation: case.snapshot.header().generation.get(),
        client: client(case),
        hosts_min: case.ask.policy.hosts_min,
        candidates,
    }
}

/// Why a mirror that choosing never came to is not in the answer.
fn not_reached(case: &Case<'_>, private: bool) -> LeftOut {
    match private {
        true => LeftOut::Private,
        false if !case.ask.countries.is_empty() => LeftOut::OtherCountry,
        false => LeftOut::Enough,
    }
}

fn candidate(case: &Case<'_>, mirror: u32, private: bool) -> Candidate {
    let snapshot = case.snapshot;
    let row = snapshot.row::<MirrorRow>(mirror);
    let host = row.and_then(|row| snapshot.row::<HostRow>(row.host.get()));
    let urls = row.map_or(&[][..], |row| snapshot.span::<UrlRow>(row.urls));
    let country = host.and_then(|host| {
        let row =
            snapshot.row::<heliostat_snapshot::records::CountryRow>(host.country.get().into());
        Code::from_bytes(&row?.code)
    });
    Candidate {
        order: None,
        host: host.map_or_else(String::new, |host| lossy(snapshot.text(host.name))),
        host_id: host.map_or(0, |host| host.id.get()),
        country: country.map(|code| code.to_string()),
        tier: None,
        weight: host.map_or(0, |host| host.weight.get()),
        draw: None,
        private,
        connections_max: host.map(|host| host.connections_max.get()).filter(|&max| max > 0),
        urls: urls.iter().map(|url| lossy(snapshot.text(url.base))).collect(),
        left_out: None,
    }
}

fn client(case: &Case<'_>) -> Client {
    let snapshot = case.snapshot;
    let netblocks =
        case.place.row.map_or(&[][..], |p| snapshot.span::<PlaceNetblockRow>(p.netblocks));
    let netblock = |row: &PlaceNetblockRow| {
        let host = snapshot.row::<HostRow>(row.host.get());
        let name = host.map_or_else(String::new, |host| lossy(snapshot.text(host.name)));
        format!("{name}/{}", row.prefix_length)
    };
    let system = snapshot.system(case.ask.address);
    Client {
        address: case.ask.address.to_string(),
        claimed: case.ask.claimed,
        country: case.place.country.map(|code| code.to_string()),
        prefix: system.map(|(prefix, _)| prefix.to_string()),
        asn: system.map(|(_, asn)| asn),
        netblocks: netblocks.iter().map(netblock).collect(),
    }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// Everything that happened while choosing; of two reasons for one mirror, the first.
#[derive(Debug, Default)]
struct Record {
    picked: HashMap<u32, (Tier, f32)>,
    left_out: HashMap<u32, (Tier, LeftOut)>,
}

impl Trace for Record {
    fn picked(&mut self, tier: Tier, pick: Pick, key: f32) {
        self.picked.insert(pick.mirror, (tier, key));
    }

    fn left_out(&mut self, tier: Tier, mirror: u32, reason: LeftOut) {
        self.left_out.entry(mirror).or_insert((tier, reason));
    }
}
