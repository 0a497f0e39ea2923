//! What a mirror's file says, as a host and its base URLs.

use std::collections::BTreeMap;

use heliostat_model::{Asn, Coordinates, Host, Scheme, Url};
use serde::Deserialize;

use super::country_names::country;
use super::documents::Document;
use super::yaml::{self, Parsed, Scalars};
use crate::prefix;
use crate::problem::{Fault, ProblemKind, Problems, shown};

/// A host, and where it has what.
#[derive(Clone, Debug)]
pub(super) struct Mirror {
    pub(super) host: Host,
    pub(super) urls: Vec<Url>,
    /// The URLs of each optional module.
    pub(super) modules: BTreeMap<String, Vec<Url>>,
}

/// The fields of a mirror's file that answers depend on.
#[derive(Debug, Deserialize)]
struct File {
    name: String,
    #[serde(default)]
    address: Addresses,
    #[serde(default)]
    address_optional: BTreeMap<String, Addresses>,
    geolocation: Option<Geolocation>,
    #[serde(default)]
    asn: Scalars,
    #[serde(default)]
    subnets: Scalars,
    private: Option<bool>,
    monopoly: Option<bool>,
    cloud_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Addresses {
    https: Option<String>,
    http: Option<String>,
    ftp: Option<String>,
    rsync: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Geolocation {
    country: Option<String>,
    latitude: Option<f32>,
    longitude: Option<f32>,
}

/// Reads a file; what of it is not sound is told and left out.
pub(super) fn mirror_read(
    document: &Document,
    id: u64,
    problems: &mut Problems,
) -> Result<Mirror, Fault> {
    let Parsed { value, duplicate } = yaml::parse(&document.bytes)
        .map_err(|error| Fault::new(ProblemKind::BadDocument, format!("{error}; left out")))?;
    let file: File = value;
    let mut told = Told { document, problems };
    if let Some(duplicate) = duplicate {
        told.add(ProblemKind::Duplicate, || format!("{duplicate}; the last one counts"));
    }
    let name = file.name.trim();
    if name.is_empty() || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        let what = format!("{:?} is no name of a host; left out", shown(name.as_bytes()));
        return Err(Fault::new(ProblemKind::BadText, what));
    }
    let mut host = Host::new(id, name);
    if let Some(place) = file.geolocation {
        host.country = told.country(place.country.as_deref());
        host.coordinates = told.coordinates(place.latitude, place.longitude);
    }
    host.asns = told.asns(file.asn);
    host.netblocks = told.subnets(file.subnets);
    host.private = file.private.unwrap_or(false);
    host.monopoly = file.monopoly.unwrap_or(false);
    if let Some(cloud) = file.cloud_type.filter(|cloud| !cloud.is_empty()) {
        // Such a mirror is for clients in the same cloud only, and where those are is not in the
        // file but published by the cloud's owner.
        host.private = true;
        told.add(ProblemKind::NotDone, || {
            format!("the networks of the cloud {} are not known here", shown(cloud.as_bytes()))
        });
    }
    let mut ids = id * URL_IDS_PER_HOST..(id + 1) * URL_IDS_PER_HOST;
    let urls = told.urls(&file.address, &mut ids);
    let modules = file.address_optional.iter();
    let modules = modules
        .map(|(module, addresses)| (module.clone(), told.urls(addresses, &mut ids)))
        .filter(|(_, urls)| !urls.is_empty())
        .collect();
    if urls.is_empty() {
        told.add(ProblemKind::NoUrl, || "it has no address".to_owned());
    }
    Ok(Mirror { host, urls, modules })
}

/// Where problems of one file go.
struct Told<'a> {
    document: &'a Document,
    problems: &'a mut Problems,
}

impl Told<'_> {
    fn add(&mut self, kind: ProblemKind, what: impl FnOnce() -> String) {
        self.problems.add(kind, || self.document.name.clone(), what);
    }

    fn country(&mut self, text: Option<&str>) -> Option<heliostat_model::Country> {
        let text = text?;
        let country = country(text);
        if country.is_none() {
            let shown = shown(text.as_bytes());
            self.add(ProblemKind::BadCountry, || format!("{shown:?} is no country"));
        }
        country
    }

    fn coordinates(
        &mut self,
        latitude: Option<f32>,
        longitude: Option<f32>,
    ) -> Option<Coordinates> {
        let (latitude_deg, longitude_deg) = (latitude?, longitude?);
        if latitude_deg.abs() <= 90.0 && longitude_deg.abs() <= 180.0 {
            return Some(Coordinates { latitude_deg, longitude_deg });
        }
        self.add(ProblemKind::OutOfRange, || {
            format!("{latitude_deg}, {longitude_deg} is no place on Earth")
        });
        None
    }

    fn asns(&mut self, asns: Scalars) -> Vec<Asn> {
        let texts = match asns {
            Scalars::One(text) => vec![text],
            Scalars::Many(texts) => texts,
        };
        let mut asns = Vec::new();
        for text in &texts {
            match text.trim().parse().ok().filter(|&number| number != 0) {
                Some(number) => asns.push(Asn(number)),
                None => self.add(ProblemKind::OutOfRange, || {
                    format!("{:?} is no autonomous system", shown(text.as_bytes()))
                }),
            }
        }
        asns.sort_unstable();
        asns.dedup();
        asns
    }

    fn subnets(&mut self, subnets: Scalars) -> Vec<heliostat_model::IpNet> {
        let texts = match subnets {
            Scalars::Many(texts) => texts,
            Scalars::One(text) if !text.contains("://") => vec![text],
            Scalars::One(url) => {
                self.add(ProblemKind::NotDone, || {
                    format!("subnets are at {}, which is not fetched", shown(url.as_bytes()))
                });
                return Vec::new();
            }
        };
        let mut prefixes = Vec::new();
        for text in &texts {
            match prefix::parse(text.as_bytes()) {
                Ok(prefix) => prefixes.push(prefix),
                Err(fault) => self.add(fault.kind, || fault.what),
            }
        }
        prefixes.sort_unstable();
        prefixes.dedup();
        prefixes
    }

    fn urls(&mut self, addresses: &Addresses, ids: &mut impl Iterator<Item = u64>) -> Vec<Url> {
        let written = [
            (Scheme::Https, &addresses.https),
            (Scheme::Http, &addresses.http),
            (Scheme::Ftp, &addresses.ftp),
            (Scheme::Rsync, &addresses.rsync),
        ];
        let mut urls = Vec::new();
        for (scheme, text) in written {
            let text = text.as_deref().unwrap_or_default().trim();
            if text.is_empty() {
                continue;
            }
            match ids.next().and_then(|id| Url::parse(id, text)) {
                Some(url) if url.scheme == scheme => urls.push(url),
                Some(url) => {
                    self.add(ProblemKind::Contradiction, || {
                        format!("{} stands under {scheme}; it counts as what it is", url.text)
                    });
                    urls.push(url);
                }
                None => self.add(ProblemKind::BadUrl, || {
                    format!("{}: no URL of a known scheme; left out", shown(text.as_bytes()))
                }),
            }
        }
        urls
    }
}

/// Room for the schemes of the main address and of fifteen modules.
pub(super) const URL_IDS_PER_HOST: u64 = 64;
