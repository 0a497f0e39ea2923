//! What clients ask for.

use heliostat_model::World;

use crate::random::Random;

/// Which of the two answers a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A list of URLs.
    Mirrorlist,
    /// The same with hashes, as XML.
    Metalink,
}

impl Endpoint {
    /// The path under which it is asked for.
    pub const fn path(self) -> &'static str {
        match self {
            Endpoint::Mirrorlist => "/mirrorlist",
            Endpoint::Metalink => "/metalink",
        }
    }
}

/// Request targets for random repositories of a world that answer with a list of mirrors,
/// without an end, half of them mirrorlists and half metalinks.
///
/// ```
/// use heliostat_testing_world::{Scale, generate, query_mix};
/// let world = generate(Scale::Small, 1);
/// let target = query_mix(&world, 1).next().unwrap();
/// assert!(target.starts_with("/m") && target.contains("?repo=") && target.contains("&arch="));
/// ```
pub fn query_mix(world: &World, seed: u64) -> Queries {
    queries(world, None, seed)
}

/// As [`query_mix`], but of one endpoint when one is given.
pub fn queries(world: &World, endpoint: Option<Endpoint>, seed: u64) -> Queries {
    let enabled = |prefix: &String| !world.repositories_disabled.contains(prefix);
    let keys = world
        .repositories
        .iter()
        .filter(|r| r.directory.is_some() && enabled(&r.prefix))
        .map(|r| format!("?repo={}&arch={}", r.prefix, r.arch))
        .collect();
    Queries { keys, endpoint, random: Random::new(seed, "queries") }
}

/// The iterator of [`queries`]; it ends only when the world has no repositories.
#[derive(Clone, Debug)]
pub struct Queries {
    keys: Vec<String>,
    endpoint: Option<Endpoint>,
    random: Random,
}

impl Iterator for Queries {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let either = [Endpoint::Mirrorlist, Endpoint::Metalink];
        let drawn = either[self.random.below(2) as usize];
        let endpoint = self.endpoint.unwrap_or(drawn);
        let key = self.random.pick(&self.keys)?;
        Some(format!("{}{key}", endpoint.path()))
    }
}
