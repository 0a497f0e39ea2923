//! Everything together.

use heliostat_model::{
    Country, Directory, DirectoryIndex, HostIndex, Location, Repository, RepositoryRedirect, World,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::addresses;
use crate::carriers::{self, Carrier, Pair, Sets, TreeSets};
use crate::countries::{self, Draw};
use crate::files;
use crate::hosts;
use crate::random::Random;
use crate::routes;
use crate::scale::{Counts, Scale};
use crate::tree::{self, CATEGORIES, Content, Tree};

/// Makes a world: the same scale and seed give the same world.
///
/// ```
/// use heliostat_testing_world::{Scale, generate};
/// let world = generate(Scale::Small, 1);
/// assert!(world.repositories.iter().any(|r| r.prefix == "fedora-40" && r.arch == "x86_64"));
/// assert_eq!(world, generate(Scale::Small, 1));
/// ```
pub fn generate(scale: Scale, seed: u64) -> World {
    let counts = scale.counts();
    let mut world = World::new(format!("generated, {scale}, seed {seed}"), CREATED_UNIX_S);
    world.netblock_asns =
        routes::routes(counts.routes, counts.asns, &mut Random::new(seed, "routes"));
    let mut sets = Sets::new();
    for distribution in 0..counts.distributions {
        // The first one is Fedora itself, the others look like it under names of their own.
        let name = match distribution {
            0 => Name::default(),
            n => Name { path: format!("d{n}/"), prefix: format!("d{n}-") },
        };
        add_distribution(&name, &counts, seed ^ distribution, &mut sets, &mut world);
    }
    world.mirror_sets = sets.list;
    world.country_continents = countries::country_continents().collect();
    world.continent_redirects = countries::continent_redirects().collect();
    world.netblock_countries =
        netblock_countries(counts.netblock_countries, &mut Random::new(seed, "netblocks"));
    add_locations(counts.locations, &mut world, &mut Random::new(seed, "locations"));
    world
}

/// What tells the names of a distribution from those of the others.
#[derive(Default)]
struct Name {
    path: String,
    prefix: String,
}

fn add_distribution(name: &Name, counts: &Counts, seed: u64, sets: &mut Sets, world: &mut World) {
    let first = world.hosts.len();
    let mut random = Random::new(seed, "hosts");
    world.hosts.extend(hosts::hosts(first as u64 + 1, counts, &world.netblock_asns, &mut random));
    let hosts = first..world.hosts.len();
    let mut random = Random::new(seed, "mirrors");
    let trees = tree::trees(counts);
    let mut categories: Vec<_> = trees.iter().map(|tree| tree.category).collect();
    categories.sort_unstable();
    categories.dedup();
    let place = (name.path.as_str(), categories.as_slice());
    let carriers = carriers::carriers(hosts, &world.hosts, place, &mut world.mirrors, &mut random);
    add_directories(name, counts, &trees, &carriers, seed, sets, world);
    let redirect = |(from, to): &(&str, &str)| RepositoryRedirect {
        from: format!("{}{from}", name.prefix),
        to: format!("{}{to}", name.prefix),
    };
    world.repository_redirects.extend(REDIRECTS.iter().map(redirect));
    world.repositories_disabled.push(format!("{}{DISABLED}", name.prefix));
}

fn add_directories(
    name: &Name,
    counts: &Counts,
    trees: &[Tree],
    carriers: &[Carrier],
    seed: u64,
    sets: &mut Sets,
    world: &mut World,
) {
    let category_sets: Vec<_> =
        (0..CATEGORIES.len()).map(|c| carriers::category_set(c, carriers, sets)).collect();
    let tree_sets: Vec<_> =
        trees.iter().map(|tree| carriers::tree_sets(tree, carriers, seed, sets)).collect();
    let mut random = Random::new(seed, "files");
    let mut places = vec![None; trees.len()];
    for ((category, subpath), content) in tree::directories(counts, trees) {
        let Pair { public, private } = pair(content, category_sets[category], &tree_sets);
        let files = match content {
            Content::Metadata(tree) => {
                files::repomd(trees[tree].churning, world.created_unix_s, &mut random)
            }
            Content::Images => files::images(&subpath, world.created_unix_s, &mut random),
            Content::Folders | Content::Repository(_) | Content::Packages(..) => Vec::new(),
        };
        if let Content::Repository(tree) = content {
            places[tree] = Some(DirectoryIndex(world.directories.len() as u32));
        }
        let top = CATEGORIES[category].top.replacen("pub/", &format!("pub/{}", name.path), 1);
        let full = if subpath.is_empty() { top } else { format!("{top}/{subpath}") };
        world.directories.push(Directory { name: full, subpath, public, private, files });
    }
    world.repositories.extend(trees.iter().zip(places).map(|(tree, directory)| Repository {
        prefix: format!("{}{}", name.prefix, tree.prefix),
        arch: tree.arch.to_owned(),
        directory,
    }));
}

fn pair(content: Content, category: Pair, trees: &[TreeSets]) -> Pair {
    match content {
        Content::Folders | Content::Images => category,
        Content::Repository(tree) | Content::Metadata(tree) => trees[tree].fresh,
        // In one of four directories of packages somebody misses something.
        Content::Packages(tree, n) if n % 4 == 3 => trees[tree].partial[n / 4 % 3],
        Content::Packages(tree, _) => trees[tree].fresh,
    }
}

/// Networks that a company uses in another country than the databases think.
fn netblock_countries(count: usize, random: &mut Random) -> Vec<(IpNet, Country)> {
    let clients = Draw::clients();
    let mut all: Vec<(IpNet, Country)> = (0..count)
        .filter_map(|_| {
            let net = if random.chance(150) {
                let ip = addresses::ipv6_global(random)?;
                IpNet::V6(Ipv6Net::new(ip, 32 + random.below(17) as u8).ok()?.trunc())
            } else {
                let ip = addresses::ipv4_global(random);
                IpNet::V4(Ipv4Net::new(ip, 16 + random.below(9) as u8).ok()?.trunc())
            };
            Some((net, clients.at(random.below(clients.total()))?))
        })
        .collect();
    all.sort_unstable();
    all.dedup_by_key(|&mut (net, _)| net);
    all
}

/// Named lists of three public hosts.
fn add_locations(count: u64, world: &mut World, random: &mut Random) {
    let public: Vec<_> = (0..world.hosts.len()).filter(|&i| !world.hosts[i].private).collect();
    for i in 1..=count {
        let mut hosts: Vec<_> = (0..3)
            .filter_map(|_| random.pick(&public).map(|&host| HostIndex(host as u32)))
            .collect();
        hosts.sort_unstable();
        hosts.dedup();
        world.locations.push(Location { name: format!("laboratory-{i}"), hosts });
    }
}

/// Every world was made at the same moment.
const CREATED_UNIX_S: u64 = 1_760_000_000;

const REDIRECTS: [(&str, &str); 3] =
    [("fedora-rawhide", "rawhide"), ("fedora-devel", "rawhide"), ("epel-latest", "epel-10")];

/// A repository that was given up; nobody else's name begins like it.
const DISABLED: &str = "testing-epel8";
