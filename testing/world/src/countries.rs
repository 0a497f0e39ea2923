//! The countries and continents, and where mirrors and clients are.
//!
//! The shares are rounded guesses in the shape of the published maps of Fedora's mirrors and
//! systems: half of the mirrors in Europe, a third in North America, and clients in many
//! countries that have no mirror at all.

use heliostat_model::{Continent, Country};

/// Every country of ISO 3166 with its continent, sorted by continent.
pub(crate) fn country_continents() -> impl Iterator<Item = (Country, Continent)> {
    CONTINENTS.iter().flat_map(|&(continent, countries)| {
        let continent = Continent::parse(continent);
        countries.split(' ').filter_map(move |code| Some((Country::parse(code)?, continent?)))
    })
}

/// The continent of a country, as in [`country_continents`].
pub(crate) fn continent(country: Country) -> Option<Continent> {
    country_continents().find(|&(c, _)| c == country).map(|(_, continent)| continent)
}

/// Countries that are served as if they lay on another continent.
pub(crate) fn continent_redirects() -> impl Iterator<Item = (Country, Continent)> {
    CONTINENT_REDIRECTS
        .iter()
        .filter_map(|&(country, to)| Some((Country::parse(country)?, Continent::parse(to)?)))
}

/// A distribution over countries.
#[derive(Clone, Debug)]
pub(crate) struct Draw {
    countries: Vec<(u64, Country)>,
}

impl Draw {
    /// Where mirrors stand.
    pub(crate) fn mirrors() -> Draw {
        Draw::of(|share| share.1)
    }

    /// Where clients are.
    pub(crate) fn clients() -> Draw {
        Draw::of(|share| share.2)
    }

    /// Where clients of some continents are.
    pub(crate) fn clients_on(continents: &[&str]) -> Draw {
        let here = |code: &str| {
            let on = Country::parse(code).and_then(continent);
            on.is_some_and(|on| continents.contains(&on.0.as_str()))
        };
        Draw::of(|share| if here(share.0) { share.2 } else { 0 })
    }

    /// The sum of all shares.
    pub(crate) fn total(&self) -> u64 {
        self.countries.last().map_or(0, |&(end, _)| end)
    }

    /// The country at a point below [`Draw::total`]; `None` beyond it.
    pub(crate) fn at(&self, point: u64) -> Option<Country> {
        let i = self.countries.partition_point(|&(end, _)| end <= point);
        self.countries.get(i).map(|&(_, country)| country)
    }

    fn of(share: impl Fn(&Share) -> u64) -> Draw {
        let mut end = 0;
        let mut countries = Vec::new();
        for row in SHARES {
            end += share(row);
            countries.extend(Country::parse(row.0).map(|country| (end, country)));
        }
        Draw { countries }
    }
}

/// Country, share of the mirrors, share of the clients; each in about 1/1000.
type Share = (&'static str, u64, u64);

/// Kept together by continent, so that evenly spaced draws reach every continent.
const SHARES: &[Share] = &[
    // Africa
    ("ZA", 14, 7),
    ("KE", 6, 3),
    ("MA", 3, 2),
    ("TN", 3, 1),
    ("EG", 2, 3),
    ("UG", 3, 0),
    ("TZ", 2, 0),
    ("DZ", 1, 1),
    ("MU", 2, 0),
    ("NG", 0, 3),
    ("GH", 0, 1),
    ("ET", 0, 1),
    // Asia
    ("JP", 20, 27),
    ("CN", 20, 22),
    ("IN", 9, 36),
    ("TW", 14, 7),
    ("SG", 12, 13),
    ("KR", 9, 14),
    ("ID", 8, 8),
    ("HK", 6, 7),
    ("TH", 4, 4),
    ("VN", 5, 4),
    ("MY", 3, 4),
    ("IR", 4, 4),
    ("KZ", 5, 2),
    ("IL", 5, 5),
    ("BD", 3, 3),
    ("PH", 2, 3),
    ("AM", 3, 0),
    ("GE", 2, 0),
    ("AE", 1, 3),
    ("SA", 0, 3),
    ("PK", 0, 3),
    ("LK", 0, 1),
    // Europe
    ("DE", 88, 88),
    ("FR", 45, 50),
    ("GB", 38, 42),
    ("NL", 34, 24),
    ("RU", 28, 26),
    ("SE", 24, 14),
    ("CZ", 22, 15),
    ("PL", 20, 22),
    ("IT", 19, 24),
    ("CH", 16, 11),
    ("AT", 14, 9),
    ("UA", 14, 8),
    ("ES", 13, 17),
    ("RO", 13, 7),
    ("FI", 12, 11),
    ("BG", 12, 5),
    ("HU", 10, 7),
    ("DK", 10, 7),
    ("NO", 9, 7),
    ("PT", 8, 6),
    ("GR", 8, 5),
    ("BE", 8, 8),
    ("SK", 6, 3),
    ("LT", 6, 2),
    ("SI", 5, 2),
    ("TR", 5, 7),
    ("EE", 4, 2),
    ("LV", 4, 2),
    ("RS", 4, 3),
    ("IE", 4, 9),
    ("HR", 3, 2),
    ("BY", 3, 2),
    ("IS", 2, 1),
    ("LU", 2, 1),
    ("MD", 2, 1),
    ("CY", 1, 1),
    // North America
    ("US", 240, 305),
    ("CA", 36, 33),
    ("CR", 4, 1),
    ("MX", 3, 8),
    ("CU", 0, 1),
    ("DO", 0, 1),
    // Oceania
    ("AU", 26, 18),
    ("NZ", 8, 4),
    ("NC", 3, 0),
    // South America
    ("BR", 22, 30),
    ("EC", 5, 2),
    ("CL", 5, 4),
    ("AR", 4, 7),
    ("CO", 2, 4),
    ("UY", 1, 1),
    ("PE", 0, 2),
];

const CONTINENT_REDIRECTS: &[(&str, &str)] =
    &[("AM", "EU"), ("GE", "EU"), ("IL", "EU"), ("KZ", "EU")];

const CONTINENTS: &[(&str, &str)] = &[
    (
        "AF",
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA \
         MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW",
    ),
    ("AN", "AQ BV GS HM TF"),
    (
        "AS",
        "AE AF AM AZ BD BH BN BT CC CN CX CY GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA \
         LB LK MM MN MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TL TM TW UZ VN YE",
    ),
    (
        "EU",
        "AD AL AT AX BA BE BG BY CH CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI \
         LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM TR UA VA",
    ),
    (
        "NA",
        "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX \
         NI PA PM PR SV SX TC TT US VC VG VI",
    ),
    ("OC", "AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS"),
    ("SA", "AR BO BR CL CO EC FK GF GY PE PY SR UY VE"),
];
