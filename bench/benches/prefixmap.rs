//! `lib/prefixmap` beside the other longest-prefix maps for Rust.
//!
//! All candidates hold the same prefixes, drawn like a table of the Internet's routes, and answer
//! the same questions. Time is the thread's own CPU time; the candidates take turns, round after
//! round, and the median round counts, so that a busy machine troubles all of them alike. All
//! answers are compared.
//!
//! Arguments: the number of IPv4 prefixes, of IPv6 prefixes, and of rounds.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the report is what it is for")]

use std::alloc::System;
use std::collections::HashMap;
use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};

use heliostat_prefixmap::PrefixMap;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::rkyv::ArchivedPrefixMap;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use ts_bart::{RoutingTable, Table};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let number = |place: usize, default| numbers.get(place).copied().unwrap_or(default);
    let rounds = number(2, 9);

    let routes = v4::routes(&routes_v4(number(0, 1_000_000)));
    let questions = v4::questions(&routes);
    report("IPv4", routes.len(), &questions, &chosen(v4::candidates(&routes)), rounds);

    let routes = v6::routes(&routes_v6(number(1, 200_000)));
    let questions = v6::questions(&routes);
    report("IPv6", routes.len(), &questions, &chosen(v6::candidates(&routes)), rounds);
}

/// The candidates that one of the arguments names, or all.
fn chosen<A>(all: Vec<Candidate<A>>) -> Vec<Candidate<A>> {
    let named = |word: &String| all.iter().any(|candidate| candidate.name.starts_with(&**word));
    let words: Vec<String> = std::env::args().skip(1).filter(named).collect();
    let chosen = |candidate: &Candidate<A>| {
        words.is_empty() || words.iter().any(|word| candidate.name.starts_with(&**word))
    };
    all.into_iter().filter(chosen).collect()
}

/// Asks all questions and folds the answers into one number.
type Questions<A> = Box<dyn Fn(&[A]) -> u64>;

/// One implementation, holding all prefixes of one family.
struct Candidate<A> {
    name: &'static str,
    /// What it holds on the heap, or the size of its image.
    bytes: usize,
    build_ms: f64,
    /// Opening a stored image with all checks, if it can be stored.
    open_ms: Option<f64>,
    /// Longest match of many addresses, independent of each other.
    longest: Questions<A>,
    /// The same, each address known only when the answer before it is.
    chained: Questions<A>,
    /// All covering prefixes.
    covers: Option<Questions<A>>,
}

/// Times every candidate in turn and prints the table.
fn report<A>(
    family: &str,
    count: usize,
    questions: &[A],
    candidates: &[Candidate<A>],
    rounds: usize,
) {
    let mut times = vec![[const { Vec::new() }; 3]; candidates.len()];
    let mut answers: [Option<u64>; 3] = [None; 3];
    for _ in 0..rounds {
        for (candidate, times) in candidates.iter().zip(&mut times) {
            let covers = candidate.covers.as_deref();
            let tasks = [Some(&*candidate.longest), Some(&*candidate.chained), covers];
            for ((task, times), answer) in tasks.into_iter().zip(times).zip(&mut answers) {
                let Some(task) = task else { continue };
                let (time_ms, sum) = timed(|| task(black_box(questions)));
                times.push(time_ms * 1e6 / questions.len() as f64);
                assert_eq!(*answer.get_or_insert(sum), sum, "{} disagrees", candidate.name);
            }
        }
    }
    println!("\n{family}: {count} prefixes, {} questions, {rounds} rounds\n", questions.len());
    println!(
        "| {:24} | {:>12} | {:>12} | {:>12} | {:>13} | {:>8} | {:>7} |",
        "", "longest ns", "one by one", "all covers", "B per prefix", "build ms", "open ms"
    );
    println!("|:--|--:|--:|--:|--:|--:|--:|");
    let mut first: Option<[f64; 4]> = None;
    for (candidate, times) in candidates.iter().zip(&mut times) {
        let [longest, chained, covers] = times.each_mut().map(|times| median(times));
        let size = candidate.bytes as f64 / count as f64;
        let ours = *first.get_or_insert([longest, chained, covers, size]);
        let cell = |value: f64, ours: f64| match value {
            value if value.is_nan() => "-".to_owned(),
            value => format!("{value:.1} ({:.1}x)", value / ours),
        };
        println!(
            "| {:24} | {:>12} | {:>12} | {:>12} | {:>13} | {:>8.0} | {:>7} |",
            candidate.name,
            cell(longest, ours[0]),
            cell(chained, ours[1]),
            cell(covers, ours[2]),
            cell(size, ours[3]),
            candidate.build_ms,
            candidate.open_ms.map_or("-".to_owned(), |ms| format!("{ms:.1}")),
        );
    }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The CPU time of this thread that `work` took.
fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let now = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    let start = now();
    let result = work();
    (now() - start, result)
}

/// What `build` took, and what it left on the heap.
fn built<T>(build: impl FnOnce() -> T) -> (f64, usize, T) {
    let live = || {
        let stats = ALLOCATOR.stats();
        stats.bytes_allocated.wrapping_sub(stats.bytes_deallocated)
    };
    let before = live();
    let (time_ms, result) = timed(build);
    (time_ms, live().wrapping_sub(before), result)
}

/// Mixes one answer into the sum of all; the order does not matter.
fn mix(sum: u64, answer: Option<u32>) -> u64 {
    sum.wrapping_add(answer.map_or(1, |value| u64::from(value).wrapping_mul(0x9e37_79b9) + 7))
}

/// The candidates of one family. What differs between the families is given by name.
macro_rules! family {
    ($family:ident, $Addr:ty, $Net:ty, $Bits:ty, $Variant:ident, $matches:ident, $longest:ident,
     [$(($iptrie:literal, $Trie:ty, $Prefix:ty)),*]) => {
        mod $family {
            use super::*;

            const BITS: u8 = <$Bits>::BITS as u8;

            pub(super) fn routes(routes: &HashMap<($Bits, u8), u32>) -> Vec<($Net, u32)> {
                let mut list: Vec<_> = routes.iter().collect();
                list.sort_unstable();
                let route = |((bits, len), value): (&($Bits, u8), &u32)| (net(*bits, *len), *value);
                let list: Vec<_> = list.into_iter().map(route).collect();
                let map = PrefixMap::build(nets(&list)).unwrap();
                let parent = |net: &IpNet| map.covering_net(*net).nth(1).is_some();
                let nested = nets(&list).filter(|(net, _)| parent(net)).count();
                let percent = |part: usize| part as f64 * 100.0 / list.len() as f64;
                print!("\nnested: {:.0} %", percent(nested));
                for len in 0..=BITS {
                    let share = percent(list.iter().filter(|(net, _)| net.prefix_len() == len).count());
                    if share >= 1.0 {
                        print!(", /{len}: {share:.0} %");
                    }
                }
                list
            }

            fn net(bits: $Bits, len: u8) -> $Net {
                <$Net>::new(<$Addr>::from_bits(bits), len).unwrap()
            }

            /// Three in four lie in a random prefix, the others in none.
            pub(super) fn questions(routes: &[($Net, u32)]) -> Vec<$Addr> {
                let mut random = Random(0x5eed_0002);
                let map = PrefixMap::build(nets(routes)).unwrap();
                let mut question = |number: u32| loop {
                    let (net, _) = routes[random.below(routes.len() as u64) as usize];
                    let noise = random.wide() as $Bits;
                    if number % 4 != 0 {
                        let host = noise & <$Bits>::MAX.checked_shr(net.prefix_len().into()).unwrap_or(0);
                        break <$Addr>::from_bits(net.addr().to_bits() | host);
                    }
                    // Near a prefix, but not in any.
                    let near = net.addr().to_bits() ^ noise >> (2 + random.below(16));
                    if map.value(<$Addr>::from_bits(near)).is_none() {
                        break <$Addr>::from_bits(near);
                    }
                };
                (0..1_000_000).map(|number| question(number)).collect()
            }

            fn nets(routes: &[($Net, u32)]) -> impl Iterator<Item = (IpNet, u32)> {
                routes.iter().map(|(net, value)| (IpNet::$Variant(*net), *value))
            }

            pub(super) fn candidates(routes: &[($Net, u32)]) -> Vec<Candidate<$Addr>> {
                let mut all = vec![ours(routes), ours_with_prefix(routes)];
                all.extend([trie(routes), archive(routes)]);
                all.extend(iptries(routes));
                all.extend([bart(routes), table(routes), routemap(routes)]);
                all
            }

            /// Puts one implementation's answers to the three tasks together.
            fn candidate<T: 'static>(
                name: &'static str,
                (build_ms, bytes, map): (f64, usize, T),
                longest: impl Fn(&T, $Addr) -> Option<u32> + Copy + 'static,
                covers: Option<impl Fn(&T, $Addr, u64) -> u64 + 'static>,
            ) -> Candidate<$Addr> {
                let map = std::rc::Rc::new(map);
                let (one, two, three) = (map.clone(), map.clone(), map);
                Candidate {
                    name,
                    bytes,
                    build_ms,
                    open_ms: None,
                    longest: Box::new(move |questions| {
                        let answer = |sum, address: &$Addr| mix(sum, longest(&one, *address));
                        questions.iter().fold(0, answer)
                    }),
                    chained: Box::new(move |questions| {
                        let nothing = black_box(0) as $Bits;
                        questions.iter().fold(0, |sum: u64, address| {
                            let address = address.to_bits() ^ (sum as $Bits & nothing);
                            mix(sum, longest(&two, <$Addr>::from_bits(address)))
                        })
                    }),
                    covers: covers.map(|covers| -> Box<dyn Fn(&[$Addr]) -> u64> {
                        Box::new(move |questions| {
                            questions.iter().fold(0, |sum, address| covers(&three, *address, sum))
                        })
                    }),
                }
            }

            fn none<T>() -> Option<fn(&T, $Addr, u64) -> u64> {
                None
            }

            fn ours(routes: &[($Net, u32)]) -> Candidate<$Addr> {
                let built = built(|| PrefixMap::build(nets(routes)).unwrap());
                let open = |_| timed(|| PrefixMap::open(built.2.as_bytes()).unwrap().len()).0;
                let open_ms = median(&mut (0..5).map(open).collect::<Vec<f64>>());
                let covers = |map: &PrefixMap<Vec<u8>>, address, sum| {
                    map.covering(address).fold(sum, |sum, (_, value)| mix(sum, Some(value)))
                };
                let ours = candidate("prefixmap, value", built, |map, address| map.value(address), Some(covers));
                Candidate { open_ms: Some(open_ms), ..ours }
            }

            fn ours_with_prefix(routes: &[($Net, u32)]) -> Candidate<$Addr> {
                let built = built(|| PrefixMap::build(nets(routes)).unwrap());
                let longest = |map: &PrefixMap<Vec<u8>>, address: $Addr| {
                    map.longest_match(address).map(|(net, value)| {
                        black_box(net);
                        value
                    })
                };
                candidate("prefixmap, prefix + value", built, longest, none())
            }

            fn trie(routes: &[($Net, u32)]) -> Candidate<$Addr> {
                let built = built(|| routes.iter().copied().collect::<prefix_trie::PrefixMap<$Net, u32>>());
                candidate(
                    "prefix-trie",
                    built,
                    |map, address| Some(*map.get_lpm(&net(address.to_bits(), BITS))?.1),
                    Some(|map: &prefix_trie::PrefixMap<$Net, u32>, address: $Addr, sum| {
                        let values = map.cover_values(&net(address.to_bits(), BITS));
                        values.fold(sum, |sum, value| mix(sum, Some(*value)))
                    }),
                )
            }

            fn archive(routes: &[($Net, u32)]) -> Candidate<$Addr> {
                type Map = ArchivedPrefixMap<$Net, u32>;
                let (build_ms, _, bytes) = built(|| {
                    let map: prefix_trie::PrefixMap<$Net, u32> = routes.iter().copied().collect();
                    rkyv::to_bytes::<rkyv::rancor::Error>(&map).unwrap()
                });
                let bytes: &'static rkyv::util::AlignedVec = Box::leak(Box::new(bytes));
                let open = || rkyv::access::<Map, rkyv::rancor::Error>(bytes).unwrap();
                let (open_ms, map) = timed(open);
                let candidate = candidate(
                    "prefix-trie, rkyv",
                    (build_ms, bytes.len(), map),
                    |map, address| Some(map.get_lpm(&net(address.to_bits(), BITS))?.1.to_native()),
                    Some(|map: &&Map, address: $Addr, sum| {
                        let values = map.cover_values(&net(address.to_bits(), BITS));
                        values.fold(sum, |sum, value| mix(sum, Some(value.to_native())))
                    }),
                );
                Candidate { open_ms: Some(open_ms), ..candidate }
            }

            fn iptries(routes: &[($Net, u32)]) -> Vec<Candidate<$Addr>> {
                let mut all = Vec::new();
                $(
                    let trie = built(|| {
                        let mut map = iptrie::map::RTrieMap::<$Prefix, Option<u32>>::with_root(None);
                        for (net, value) in routes {
                            map.insert(iptrie_key!($Prefix, *net), Some(*value));
                        }
                        map.compress()
                    });
                    let longest = |map: &$Trie, address: $Addr| *map.lookup(&address).1;
                    all.push(candidate($iptrie, trie, longest, none()));
                )*
                all
            }

            fn bart(routes: &[($Net, u32)]) -> Candidate<$Addr> {
                let built = built(|| {
                    let mut map = Table::default();
                    for (net, value) in nets(routes) {
                        map.insert(net, value);
                    }
                    map
                });
                candidate(
                    "geiserx_ts_bart",
                    built,
                    |map: &Table<u32>, address| map.lookup(address.into()).copied(),
                    Some(|map: &Table<u32>, address: $Addr, sum| {
                        let found = map.lookup_all(address.into());
                        found.fold(sum, |sum, value| mix(sum, Some(*value)))
                    }),
                )
            }

            fn table(routes: &[($Net, u32)]) -> Candidate<$Addr> {
                let built = built(|| {
                    let mut map = ip_network_table::IpNetworkTable::new();
                    for (net, value) in routes {
                        let net = ip_network::IpNetwork::new(net.addr(), net.prefix_len());
                        map.insert(net.unwrap(), *value);
                    }
                    map
                });
                candidate(
                    "ip_network_table",
                    built,
                    |map, address| map.$longest(address).map(|(_, value)| *value),
                    Some(|map: &ip_network_table::IpNetworkTable<u32>, address: $Addr, sum| {
                        map.$matches(address).fold(sum, |sum, (_, value)| mix(sum, Some(*value)))
                    }),
                )
            }

            fn routemap(routes: &[($Net, u32)]) -> Candidate<$Addr> {
                let built = built(|| {
                    let mut map = routemap::RouteMap::<$Addr, u32>::new();
                    for (net, value) in routes {
                        map.insert(net.to_string().parse().unwrap(), *value);
                    }
                    map
                });
                candidate("routemap", built, |map, address| map.longest_match(address).copied(), none())
            }
        }
    };
}

/// One of its key types is made from halves.
macro_rules! iptrie_key {
    (iptrie::Ipv6NetPrefix, $net:expr) => {
        iptrie::Ipv6NetPrefix::try_from($net).unwrap()
    };
    ($Prefix:ty, $net:expr) => {
        <$Prefix>::try_from($net).unwrap()
    };
}

family!(
    v4, Ipv4Addr, Ipv4Net, u32, V4, matches_ipv4, longest_match_ipv4,
    [("iptrie, compressed", iptrie::map::LCTrieMap<iptrie::Ipv4Prefix, Option<u32>>, iptrie::Ipv4Prefix)]
);
family!(
    v6, Ipv6Addr, Ipv6Net, u128, V6, matches_ipv6, longest_match_ipv6,
    [
        ("iptrie, compressed", iptrie::map::LCTrieMap<iptrie::Ipv6Prefix, Option<u32>>, iptrie::Ipv6Prefix),
        ("iptrie, compressed, /64", iptrie::map::LCTrieMap<iptrie::Ipv6NetPrefix, Option<u32>>, iptrie::Ipv6NetPrefix)
    ]
);

/// IPv4 routes: networks one after the other with gaps between; most are announced whole, many
/// with parts announced again, side by side. About as dense as the real table.
fn routes_v4(count: usize) -> HashMap<(u32, u8), u32> {
    let mut random = Random(0x5eed_0004);
    let mut routes = HashMap::new();
    // Each walk from 1.0.0.0 to 223.255.255.0 leaves a bit over a million.
    let keep = (count as u64 * 100).div_ceil(1_000_000).min(100);
    let mut slot = 1_u32 << 16;
    while routes.len() < count {
        let len = match random.below(150) {
            0 => 13,
            1 => 14,
            2..8 => 16,
            _ => *random
                .pick(&[18, 18, 19, 19, 20, 20, 20, 21, 21, 22, 22, 22, 22, 23, 24, 24, 24, 24]),
        };
        let size = 1_u32 << (24 - len);
        slot = slot.next_multiple_of(size);
        if random.below(5) == 0 {
            slot += size;
        }
        if slot + size > 224 << 16 {
            slot = (1 << 16) + random.below(1 << 12) as u32;
            continue;
        }
        let network = slot << 8;
        slot += size;
        if random.below(100) >= keep {
            continue;
        }
        let owner = random.below(75_000) as u32;
        let whole = random.below(100) < 60 || len == 24;
        if whole {
            routes.entry((network, len)).or_insert(owner);
        }
        let groups = u64::from(24 - len).min(4) + u64::from(!whole);
        for _ in 0..random.below(1 + groups) {
            let part =
                (*random.pick(&[20_u8, 21, 22, 22, 23, 23, 24, 24, 24, 24, 24, 24, 24])).max(len);
            let room = 1_u64 << (part - len);
            let first = if random.below(3) == 0 { 0 } else { random.below(room) };
            let most = random.below(16);
            let run = (1 + random.below(1 + most)).min(room - first);
            for number in first..first + run {
                let value = if random.below(8) == 0 { random.below(75_000) as u32 } else { owner };
                if routes.len() < count {
                    routes.entry((network | (number as u32) << (32 - part), part)).or_insert(value);
                }
            }
        }
    }
    routes
}

/// The first sixteen bits of the blocks that the registries hand out.
const BLOCKS_V6: [u16; 41] = [
    0x2001, 0x2400, 0x2401, 0x2402, 0x2403, 0x2404, 0x2405, 0x2406, 0x2407, 0x240e, 0x2600, 0x2602,
    0x2604, 0x2605, 0x2606, 0x2607, 0x2620, 0x2800, 0x2801, 0x2803, 0x2804, 0x2806, 0x2a00, 0x2a01,
    0x2a02, 0x2a03, 0x2a04, 0x2a05, 0x2a06, 0x2a07, 0x2a09, 0x2a0a, 0x2a0b, 0x2a0c, 0x2a0d, 0x2a0e,
    0x2a0f, 0x2a10, 0x2a12, 0x2a13, 0x2c0f,
];

/// IPv6 routes: the blocks of the registries filled with /29 and /32 side by side, many with
/// /48 inside, most of these at the beginning.
fn routes_v6(count: usize) -> HashMap<(u128, u8), u32> {
    let mut random = Random(0x5eed_0006);
    let mut routes = HashMap::new();
    let mut cursors = [0_u64; BLOCKS_V6.len()];
    while routes.len() < count {
        let block = random.below(BLOCKS_V6.len() as u64) as usize;
        let len = *random.pick(&[29_u8, 29, 32, 32, 32, 32, 32, 32, 36, 40, 48, 48]);
        let cursor = &mut cursors[block];
        let size = 1_u64 << 32_u8.saturating_sub(len);
        *cursor = (*cursor + random.below(3) * size).next_multiple_of(size);
        let network = u128::from(BLOCKS_V6[block]) << 112 | u128::from(*cursor & 0xffff) << 96;
        *cursor += if len > 32 { random.below(2) } else { size };
        let inner = if len > 32 { random.below(1 << (len - 32)) } else { 0 };
        let network = network | u128::from(inner) << (128 - len);
        let owner = random.below(75_000) as u32;
        let whole = random.below(100) < 70 || len == 48;
        if whole {
            routes.entry((network, len)).or_insert(owner);
        }
        for _ in 0..random.below(if whole { 2 } else { 4 }) {
            let part = (*random.pick(&[33_u8, 36, 36, 40, 40, 44, 44, 48, 48, 48, 48, 48, 48, 48]))
                .max(len);
            let room = 1_u64 << (part - len);
            let step = *random.pick(&[1_u64, 1, 1, 1, 16, 256]);
            let most = random.below(32);
            let run = (1 + random.below(1 + most)).min(room.div_ceil(step));
            let first = if random.below(3) == 0 { random.below(room) } else { 0 };
            for number in 0..run {
                let bits = network | u128::from((first + number * step) % room) << (128 - part);
                let value = if random.below(8) == 0 { random.below(75_000) as u32 } else { owner };
                if routes.len() < count {
                    routes.entry((bits, part)).or_insert(value);
                }
            }
        }
    }
    routes
}

/// SplitMix64: small, seeded, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}
