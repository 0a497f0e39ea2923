//! The order of tiers, and when to stop.

use heliostat_snapshot::Code;
use heliostat_snapshot::records::{
    AsnHostRow, AsnRow, ContinentRow, CountryRow, HOST_MONOPOLY, HostRow, LocationHostRow,
    LocationRow, MirrorRow, NO_COUNTRY, PlaceNetblockRow, SetMemberRow, Span,
};

use super::draw::{self, Random};
use super::{Case, Choice, LeftOut, Pick, Tier, Trace};
use crate::ask::Wish;

/// Chooses mirrors for a case.
pub(crate) fn choose<T: Trace>(case: &Case<'_>, choice: &mut Choice, trace: &mut T) {
    choice.begin(case.snapshot.rows::<HostRow>().len());
    let mut walk = Walk { case, choice, trace, random: Random::new(case.ask.seed) };
    if case.ask.location.is_some() {
        walk.location();
    }
    if case.ask.countries.is_empty() || !walk.wishes() {
        walk.near_to_far();
    }
    let hosts_max = case.ask.policy.hosts_max as usize;
    for pick in walk.choice.picks.iter().skip(hosts_max) {
        walk.trace.left_out(Tier::Global, pick.mirror, LeftOut::Maximum);
    }
    choice.picks.truncate(hosts_max);
}

struct Walk<'w, 'c, T> {
    case: &'w Case<'c>,
    choice: &'w mut Choice,
    trace: &'w mut T,
    random: Random,
}

impl<'c, T: Trace> Walk<'_, 'c, T> {
    /// What a client gets that asked for no country.
    fn near_to_far(&mut self) {
        if self.case.ask.netblock {
            self.netblocks();
        }
        self.asn();
        if (self.choice.netblock || self.choice.asn.is_some()) && self.monopoly() {
            return;
        }
        let country =
            self.case.place.country.and_then(|code| Some((code, self.country_row(code)?)));
        if let Some((code, country)) = country {
            self.country(code, country.mirrors);
            self.continent(country.continent.get());
        }
        if self.choice.picks.len() < self.case.ask.policy.hosts_min as usize {
            self.global();
        }
    }

    /// What a client gets that asked for countries; false when there is nothing for it.
    fn wishes(&mut self) -> bool {
        let before = self.choice.picks.len();
        for wish in &self.case.ask.countries {
            match *wish {
                Wish::Global => self.global(),
                Wish::Country(code) => {
                    if let Some(country) = self.country_row(code) {
                        self.country(code, country.mirrors);
                    }
                }
            }
        }
        if self.choice.picks.len() == before {
            for wish in &self.case.ask.countries {
                let Wish::Country(code) = *wish else { continue };
                if let Some(country) = self.country_row(code) {
                    self.continent(country.continent.get());
                }
            }
        }
        self.choice.picks.len() > before
    }

    /// The hosts of the location that the client named.
    fn location(&mut self) {
        let snapshot = self.case.snapshot;
        let name = self.case.ask.location.as_deref().unwrap_or_default();
        let locations = snapshot.rows::<LocationRow>();
        let Ok(at) = locations.binary_search_by(|row| snapshot.text(row.name).cmp(name)) else {
            return;
        };
        let hosts = snapshot.span::<LocationHostRow>(locations[at].hosts);
        self.choice.location = self.hosts(Tier::Location, hosts.iter().map(|row| row.host.get()));
    }

    /// The hosts whose netblocks hold the client: the most specific netblock first, those of one
    /// length in any order.
    fn netblocks(&mut self) {
        let Some(place) = self.case.place.row else { return };
        let netblocks = self.case.snapshot.span::<PlaceNetblockRow>(place.netblocks);
        for same in netblocks.chunk_by(|a, b| a.prefix_length == b.prefix_length) {
            let gave = self.hosts(Tier::Netblock, same.iter().map(|row| row.host.get()));
            self.choice.netblock |= gave;
        }
    }

    /// The hosts that want the clients of the client's network.
    fn asn(&mut self) {
        let snapshot = self.case.snapshot;
        let row = self.case.place.row.and_then(|place| snapshot.row::<AsnRow>(place.asn_row.get()));
        let Some(asn) = row else { return };
        let hosts = snapshot.span::<AsnHostRow>(asn.hosts);
        if self.hosts(Tier::Asn, hosts.iter().map(|row| row.host.get())) {
            self.choice.asn = Some(asn.asn.get());
        }
    }

    /// When a monopoly host serves the client's network, it serves it alone.
    fn monopoly(&mut self) -> bool {
        let case = self.case;
        let is_monopoly = |pick: &Pick| {
            let host = case.mirrors.get(pick.mirror as usize).map(|mirror| mirror.host.get());
            let host = host.and_then(|host| case.snapshot.row::<HostRow>(host));
            host.is_some_and(|host| host.flags.get() & HOST_MONOPOLY != 0)
        };
        if !self.choice.picks.iter().any(is_monopoly) {
            return false;
        }
        let trace = &mut *self.trace;
        self.choice.picks.retain(|pick| {
            let stays = is_monopoly(pick);
            if !stays {
                trace.left_out(Tier::Netblock, pick.mirror, LeftOut::Monopoly);
            }
            stays
        });
        true
    }

    fn country(&mut self, code: Code, mirrors: Span) {
        if self.members(Tier::Country, within(self.case.public, mirrors), |_| {}) {
            self.choice.countries.push(code);
        }
    }

    /// Everything on a continent; each country that gives a mirror is named once.
    fn continent(&mut self, row: u16) {
        let case = self.case;
        let Some(continent) = case.snapshot.row::<ContinentRow>(u32::from(row)) else { return };
        let mut countries = std::mem::take(&mut self.choice.countries);
        // Mirrors are sorted by country, so a country is new when it is not the one before.
        let mut last = NO_COUNTRY;
        self.members(Tier::Continent, within(case.public, continent.mirrors), |mirror| {
            let country = mirror.country.get();
            if country != last {
                last = country;
                let code = case.snapshot.row::<CountryRow>(u32::from(country));
                countries.extend(code.and_then(|row| Code::from_bytes(&row.code)));
            }
        });
        self.choice.countries = countries;
    }

    fn global(&mut self) {
        self.choice.global |= self.members(Tier::Global, self.case.public, |_| {});
    }

    fn country_row(&self, code: Code) -> Option<&'c CountryRow> {
        let countries = self.case.snapshot.rows::<CountryRow>();
        let at = countries.binary_search_by_key(&code.to_bytes(), |row| row.code).ok()?;
        countries.get(at)
    }

    /// Draws among mirrors of the public set, and tells of each that enters; says whether any was
    /// picked.
    #[inline(always)]
    fn members(
        &mut self,
        tier: Tier,
        members: &[SetMemberRow],
        mut entered: impl FnMut(&MirrorRow),
    ) -> bool {
        // In variables of its own the loop's state stays in registers.
        let (case, mut random) = (self.case, self.random.clone());
        let mut keys = std::mem::take(&mut self.choice.keys);
        keys.clear();
        keys.reserve(members.len());
        for member in members {
            let mirror = member.mirror.get();
            let Some(row) = case.mirrors.get(mirror as usize) else { continue };
            if self.choice.has(row.host.get()) {
                continue;
            }
            if let Err(reason) = case.fit(tier, row) {
                self.trace.left_out(tier, mirror, reason);
                continue;
            }
            self.choice.take(row.host.get());
            keys.push(draw::key(random.exponential() * row.weight_inverse.get(), mirror));
            entered(row);
        }
        self.random = random;
        self.choice.keys = keys;
        self.draw(tier, |_| false)
    }

    /// Draws among the mirrors of hosts, private ones too; says whether any was picked.
    fn hosts(&mut self, tier: Tier, hosts: impl Iterator<Item = u32>) -> bool {
        self.choice.keys.clear();
        let case = self.case;
        for host in hosts {
            let Some(host) = case.snapshot.row::<HostRow>(host) else { continue };
            let public = within(case.public, host.mirrors);
            let private = within(case.private, host.mirrors);
            for member in public.iter().take(1) {
                self.enter(tier, member.mirror.get());
            }
            for member in private.iter().take(usize::from(public.is_empty())) {
                match tier {
                    Tier::Netblock | Tier::Asn if !case.ask.claimed => {
                        self.enter(tier, member.mirror.get());
                    }
                    Tier::Netblock | Tier::Asn => {
                        self.trace.left_out(tier, member.mirror.get(), LeftOut::Claimed);
                    }
                    _ => self.trace.left_out(tier, member.mirror.get(), LeftOut::Private),
                }
            }
            if public.is_empty() && private.is_empty() && host.mirrors.count.get() > 0 {
                self.trace.left_out(tier, host.mirrors.first.get(), LeftOut::NoContent);
            }
        }
        let private = |mirror| {
            case.private.binary_search_by_key(&mirror, |member| member.mirror.get()).is_ok()
        };
        self.draw(tier, private)
    }

    /// Enters a mirror into the draw of a tier, if it fits and its host is not in already.
    fn enter(&mut self, tier: Tier, mirror: u32) {
        let Some(row) = self.case.mirrors.get(mirror as usize) else { return };
        if self.choice.has(row.host.get()) {
            return;
        }
        if let Err(reason) = self.case.fit(tier, row) {
            return self.trace.left_out(tier, mirror, reason);
        }
        self.choice.take(row.host.get());
        let order = self.random.exponential();
        // Netblocks of one length are equals, whatever their bandwidth.
        let order = if tier == Tier::Netblock { order } else { order * row.weight_inverse.get() };
        self.choice.keys.push(draw::key(order, mirror));
    }

    /// Sorts the draw and picks; says whether any was picked.
    #[inline]
    fn draw(&mut self, tier: Tier, private: impl Fn(u32) -> bool) -> bool {
        let mut keys = std::mem::take(&mut self.choice.keys);
        keys.sort_unstable();
        for &key in &keys {
            let (order, mirror) = draw::item(key);
            let pick = Pick { mirror, private: private(mirror) };
            self.choice.picks.push(pick);
            self.trace.picked(tier, pick, order);
        }
        let picked = !keys.is_empty();
        self.choice.keys = keys;
        if picked && self.choice.nearest.is_none() {
            self.choice.nearest = Some(tier);
        }
        picked
    }
}

/// The members of a sorted set that lie in a range of rows.
#[inline]
fn within(members: &[SetMemberRow], range: Span) -> &[SetMemberRow] {
    let (first, end) = (range.first.get(), range.first.get().saturating_add(range.count.get()));
    if members.len() > SCANNED_MAX {
        let below = |row: u32| members.partition_point(|member| member.mirror.get() < row);
        return members.get(below(first)..below(end)).unwrap_or(&[]);
    }
    // Nobody has read these lines lately. A scan waits for all of them at once, a binary search
    // for one after the other.
    let (mut before, mut upto) = (0, 0);
    for member in members {
        before += u32::from(member.mirror.get() < first);
        upto += u32::from(member.mirror.get() < end);
    }
    members.get(before as usize..upto as usize).unwrap_or(&[])
}

/// Sets of so many members are scanned whole.
const SCANNED_MAX: usize = 512;
