//! The machines: where they stand, how fast they are, and whom they serve first.

use heliostat_model::{Asn, Country, Host};
use ipnet::IpNet;

use crate::countries::Draw;
use crate::random::Random;
use crate::scale::Counts;

/// The hosts of one distribution, the public ones first, numbered from `first` on.
pub(crate) fn hosts(
    first: u64,
    counts: &Counts,
    routes: &[(IpNet, Asn)],
    random: &mut Random,
) -> Vec<Host> {
    let networks = Networks::of(routes);
    let draw = Draw::mirrors();
    let public = evenly(counts.hosts_public, &draw, random).into_iter().map(|c| (c, false));
    let private = evenly(counts.hosts_private, &draw, random).into_iter().map(|c| (c, true));
    let countries: Vec<_> = public.chain(private).collect();
    countries
        .into_iter()
        .enumerate()
        .map(|(i, (country, private))| {
            let id = first + i as u64;
            let mut host = host(id, country, private, random);
            let near = if private { 1000 } else { NETWORKS_PUBLIC_PERMILLE };
            if random.chance(near) {
                networks.join(&mut host, random);
            }
            host
        })
        .collect()
}

/// `count` countries in the shares of the draw, evenly spaced over it so that no continent is
/// missed, then mixed.
fn evenly(count: u64, draw: &Draw, random: &mut Random) -> Vec<Country> {
    let total = draw.total();
    let offset = random.below(total);
    let mut countries: Vec<_> =
        (0..count).filter_map(|i| draw.at((i * total + offset) / count)).collect();
    random.shuffle(&mut countries);
    countries
}

fn host(id: u64, country: Country, private: bool, random: &mut Random) -> Host {
    let kind = if private { "private" } else { "mirror" };
    let place = country.to_string().to_ascii_lowercase();
    let mut host = Host::new(id, format!("{kind}-{id:03}.{place}.example.net"));
    host.country = Some(country);
    host.private = private;
    host.bandwidth_mbit_s = bandwidth_mbit_s(random);
    host.connections_max = random.chance(300).then(|| 1 + random.below(8) as u32);
    host.internet2 = country.0.as_str() == "US" && random.chance(300);
    if !private && random.chance(COUNTRIES_ALLOWED_PERMILLE) {
        host.countries_allowed.push(country);
    }
    host
}

/// From 10 to 100,000 Mbit/s, every decade as likely as the next.
fn bandwidth_mbit_s(random: &mut Random) -> u32 {
    let decade = 10_u64.pow(random.below(4) as u32);
    (decade * (10 + random.below(91))).min(100_000) as u32
}

/// Prefixes that a host's owner may have.
struct Networks<'a> {
    ipv4: Vec<&'a (IpNet, Asn)>,
    ipv6: Vec<&'a (IpNet, Asn)>,
}

impl Networks<'_> {
    fn of(routes: &[(IpNet, Asn)]) -> Networks<'_> {
        let short = |&&(net, _): &&(IpNet, Asn)| match net {
            IpNet::V4(net) => net.prefix_len() <= 21,
            IpNet::V6(net) => net.prefix_len() <= 40,
        };
        let (ipv4, ipv6) =
            routes.iter().filter(short).partition(|(net, _)| matches!(net, IpNet::V4(_)));
        Networks { ipv4, ipv6 }
    }

    /// Gives a host one to four IPv4 prefixes, often one of IPv6, and the systems behind them.
    fn join(&self, host: &mut Host, random: &mut Random) {
        for _ in 0..1 + random.below(4) {
            let Some(&&(net, asn)) = random.pick(&self.ipv4) else { continue };
            // Some have a part of what their provider announces.
            let longer = net.prefix_len() + if random.chance(300) { 2 } else { 0 };
            let part = net.subnets(longer).ok().and_then(|mut parts| parts.next());
            host.netblocks.push(part.unwrap_or(net));
            host.asns.push(asn);
        }
        if random.chance(600)
            && let Some(&&(net, asn)) = random.pick(&self.ipv6)
        {
            host.netblocks.push(net);
            host.asns.push(asn);
        }
        host.netblocks.sort_unstable();
        host.netblocks.dedup();
        host.asns.sort_unstable();
        host.asns.dedup();
        // The systems are those of the owner and of peers that asked for it.
        host.asns.truncate(if host.private { 3 } else { 2 });
    }
}

const NETWORKS_PUBLIC_PERMILLE: u64 = 350;
const COUNTRIES_ALLOWED_PERMILLE: u64 = 20;
