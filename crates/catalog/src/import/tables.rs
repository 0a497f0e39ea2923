//! The small tables: countries, repositories and their names, networks, locations.

use std::collections::{BTreeMap, BTreeSet};

use heliostat_model::{Facts, VersionFacts, World};

use super::directories::DirectoryNumbers;
use super::hosts::Numbers;
use super::{Imported, Origin};
use crate::country::Country;
use crate::location::Location;
use crate::netblock::NetblockCountry;
use crate::product::{Product, Version};
use crate::repository::{Disabled, Redirect, Repository};
use crate::{Error, Txn};

/// Adds the countries that are named, and says on which continent they lie.
pub(super) fn countries(
    txn: &mut Txn<'_>,
    world: &World,
    origin: &Origin<'_>,
) -> Result<(), Error> {
    let known = txn.view().country_list()?;
    let mut wanted: BTreeMap<String, Country> =
        known.into_iter().map(|country| (country.code.clone(), country)).collect();
    let hosts = world.hosts.iter();
    let named = hosts.flat_map(|host| host.country.iter().chain(&host.countries_allowed));
    let named = named.chain(world.netblock_countries.iter().map(|(_, country)| country));
    let named = named.chain(world.country_continents.iter().map(|(country, _)| country));
    let named = named.chain(world.continent_redirects.iter().map(|(country, _)| country));
    for country in named {
        let code = country.to_string();
        let new = || Country { code: code.clone(), continent: None, served_as: None };
        wanted.entry(code.clone()).or_insert_with(new);
    }
    if origin.continents {
        wanted.values_mut().for_each(|country| country.continent = None);
        for (country, continent) in &world.country_continents {
            if let Some(wanted) = wanted.get_mut(&country.to_string()) {
                wanted.continent = Some(continent.to_string());
            }
        }
    }
    if origin.continent_redirects {
        wanted.values_mut().for_each(|country| country.served_as = None);
        for (country, continent) in &world.continent_redirects {
            if let Some(wanted) = wanted.get_mut(&country.to_string()) {
                wanted.served_as = Some(continent.to_string());
            }
        }
    }
    txn.countries_set(&wanted)
}

/// Adds the products and versions that an import names.
pub(super) fn versions(
    txn: &mut Txn<'_>,
    facts: &Facts,
    origin: &Origin<'_>,
    imported: &mut Imported,
) -> Result<(), Error> {
    let products = facts.categories.iter().filter_map(|category| category.product.as_deref());
    let products: BTreeSet<&str> =
        products.chain(facts.versions.iter().map(|version| version.product.as_str())).collect();
    let source = origin.name.to_owned();
    for name in products {
        if txn.view().product_find(name).is_err() {
            let (name, source) = (name.to_owned(), source.clone());
            imported.keep(txn.product_insert(Product { id: 0, name, source }))?;
        }
    }
    for VersionFacts { product, name, development } in &facts.versions {
        let new = Version {
            id: 0,
            product: product.clone(),
            name: name.clone(),
            development: *development,
            source: source.clone(),
        };
        match txn.view().version_find(&new.full_name()) {
            Ok(known) if known.source == origin.name => {
                imported.keep(txn.version_update(&known, &Version { id: known.id, ..new }))?;
            }
            Ok(_) => {}
            Err(_) => {
                imported.keep(txn.version_insert(new))?;
            }
        }
    }
    Ok(())
}

/// Makes the repositories of an import those of a world.
pub(super) fn repositories(
    txn: &mut Txn<'_>,
    world: &World,
    facts: &Facts,
    origin: &Origin<'_>,
    directories: &DirectoryNumbers,
    imported: &mut Imported,
) -> Result<(), Error> {
    let known = txn.view().repository_list()?;
    let mut known: BTreeMap<(String, String), Repository> = known
        .into_iter()
        .map(|known| ((known.prefix.clone(), known.arch.clone()), known))
        .collect();
    let mut wanted: BTreeMap<(&str, &str), Repository> = BTreeMap::new();
    for (number, repository) in world.repositories.iter().enumerate() {
        let version = facts.repository_versions.get(number).cloned().flatten();
        let at = repository.directory.map(|directory| directory.0 as usize);
        let at = at.filter(|&at| directories[at].is_some());
        let key = (repository.prefix.as_str(), repository.arch.as_str());
        // Of two repositories of one name and architecture the first counts.
        wanted.entry(key).or_insert_with(|| Repository {
            id: 0,
            prefix: repository.prefix.clone(),
            arch: repository.arch.clone(),
            directory: at.map(|at| world.directories[at].name.clone()),
            version,
            source: origin.name.to_owned(),
        });
    }
    for ((prefix, arch), mut repository) in wanted {
        match known.remove(&(prefix.to_owned(), arch.to_owned())) {
            None => {
                imported.keep(txn.repository_insert(repository))?;
            }
            Some(known) if known.source != origin.name => {
                imported.strange("repository", &known.name(), &known.source);
            }
            Some(known) => {
                repository.id = known.id;
                if facts.repository_versions.is_empty() {
                    // The source tells of no versions: people do.
                    repository.version.clone_from(&known.version);
                }
                imported.keep(txn.repository_update(&known, &repository))?;
            }
        }
    }
    let mut gone = known.values().filter(|known| known.source == origin.name);
    gone.try_for_each(|gone| txn.repository_remove(gone))
}

/// Makes the redirects and switched-off prefixes of an import those of a world.
pub(super) fn names(
    txn: &mut Txn<'_>,
    world: &World,
    origin: &Origin<'_>,
    imported: &mut Imported,
) -> Result<(), Error> {
    let mut wanted: BTreeMap<&str, &str> = BTreeMap::new();
    for redirect in &world.repository_redirects {
        wanted.insert(&redirect.from, &redirect.to);
    }
    for known in txn.view().redirect_list()? {
        let same = wanted.get(known.name.as_str()) == Some(&known.target.as_str());
        if known.source != origin.name {
            if wanted.remove(known.name.as_str()).is_some() {
                imported.strange("redirect", &known.name, &known.source);
            }
        } else if same {
            wanted.remove(known.name.as_str());
        } else {
            txn.redirect_remove(&known)?;
        }
    }
    for (name, target) in wanted {
        let (name, target) = (name.to_owned(), target.to_owned());
        let redirect = Redirect { name, target, source: origin.name.to_owned() };
        imported.keep(txn.redirect_insert(&redirect))?;
    }
    let mut wanted: BTreeMap<&str, ()> =
        world.repositories_disabled.iter().map(|prefix| (prefix.as_str(), ())).collect();
    for known in txn.view().disabled_list()? {
        let same = wanted.remove(known.prefix.as_str()).is_some();
        if !same && known.source == origin.name {
            txn.disabled_remove(&known)?;
        }
    }
    for (prefix, ()) in wanted {
        let disabled = Disabled { prefix: prefix.to_owned(), source: origin.name.to_owned() };
        imported.keep(txn.disabled_insert(&disabled))?;
    }
    Ok(())
}

/// Makes the networks with a country of an import those of a world.
pub(super) fn netblocks(
    txn: &mut Txn<'_>,
    world: &World,
    origin: &Origin<'_>,
    imported: &mut Imported,
) -> Result<(), Error> {
    // Of two statements about one network the last one counts, as for the compiler.
    let mut wanted: BTreeMap<String, String> = world
        .netblock_countries
        .iter()
        .map(|(prefix, country)| (prefix.trunc().to_string(), country.to_string()))
        .collect();
    for known in txn.view().netblock_list()? {
        let country = wanted.remove(&known.prefix);
        if known.source != origin.name {
            if country.is_some() {
                imported.strange("netblock", &known.prefix, &known.source);
            }
            continue;
        }
        match country {
            None => txn.netblock_remove(&known)?,
            Some(country) if country != known.country => {
                let changed = NetblockCountry { country, ..known.clone() };
                txn.netblock_update(&known, &changed)?;
            }
            Some(_) => {}
        }
    }
    for (prefix, country) in wanted {
        let netblock = NetblockCountry { prefix, country, source: origin.name.to_owned() };
        imported.keep(txn.netblock_insert(&netblock))?;
    }
    Ok(())
}

/// Makes the locations of an import those of a world.
pub(super) fn locations(
    txn: &mut Txn<'_>,
    world: &World,
    origin: &Origin<'_>,
    numbers: &Numbers,
    imported: &mut Imported,
) -> Result<(), Error> {
    let known = txn.view().location_list()?;
    let mut known: BTreeMap<String, Location> =
        known.into_iter().map(|location| (location.name.clone(), location)).collect();
    let mut seen: BTreeMap<&str, ()> = BTreeMap::new();
    for location in &world.locations {
        if seen.insert(&location.name, ()).is_some() {
            continue;
        }
        let hosts = location.hosts.iter().filter_map(|host| numbers.hosts[host.0 as usize]);
        let mut wanted = Location {
            id: 0,
            name: location.name.clone(),
            hosts: hosts.collect(),
            source: origin.name.to_owned(),
        };
        match known.remove(&location.name) {
            None => {
                imported.keep(txn.location_insert(wanted))?;
            }
            Some(known) if known.source != origin.name => {
                imported.strange("location", &known.name, &known.source);
            }
            Some(known) => {
                wanted.id = known.id;
                txn.location_update(&known, &wanted)?;
            }
        }
    }
    let mut gone = known.values().filter(|known| known.source == origin.name);
    gone.try_for_each(|gone| txn.location_remove(gone))
}
