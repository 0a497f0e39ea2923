//! Which continent a country lies on.
//!
//! The table is a CSV file with a line `country,continent` of two-letter codes each, with a header,
//! and with lines such as `A1,--` for things that are no country. As MirrorManager does, lines
//! whose fields are not codes are passed over; they are counted, so that an empty result can be
//! explained.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use heliostat_model::{Code, Continent, Country};

use crate::problem::{ProblemKind, Problems, shown};

/// The table, and what of it was no country.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Countries {
    /// Which continent each country lies on, in the order of the file.
    pub continents: Vec<(Country, Continent)>,
    /// How many lines were neither blank nor two codes.
    pub lines_ignored: u64,
}

/// Reads the table.
///
/// A line that is not two fields is a problem, as is a country that is put on two continents (the
/// first counts).
pub fn countries_read(bytes: &[u8], problems: &mut Problems) -> Countries {
    let mut countries = Countries::default();
    let mut seen = HashMap::new();
    for (index, line) in bytes.split(|&b| b == b'\n').enumerate() {
        let line = line.trim_ascii();
        let place = || format!("countries line {}", index + 1);
        if line.is_empty() {
            continue;
        }
        let Some(comma) = line.iter().position(|&b| b == b',') else {
            problems.add(ProblemKind::BadLine, place, || format!("{}: no comma", shown(line)));
            continue;
        };
        let country = Code::from_bytes(field(&line[..comma])).map(Country);
        let continent = Code::from_bytes(field(&line[comma + 1..])).map(Continent);
        let (Some(country), Some(continent)) = (country, continent) else {
            countries.lines_ignored += 1;
            continue;
        };
        match seen.entry(country) {
            Entry::Vacant(entry) => {
                entry.insert(continent);
                countries.continents.push((country, continent));
            }
            Entry::Occupied(entry) if *entry.get() == continent => {}
            Entry::Occupied(entry) => problems.add(ProblemKind::Duplicate, place, || {
                format!("{country} is on {} already, not on {continent}", entry.get())
            }),
        }
    }
    countries
}

/// A field without the blanks and quotes around it.
fn field(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii();
    match text {
        [b'"', inner @ .., b'"'] => inner,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::Problems;

    fn check(text: &[u8], expected: Expect) {
        let mut problems = Problems::new();
        let countries = super::countries_read(text, &mut problems);
        let mut out = String::new();
        for (country, continent) in &countries.continents {
            out.push_str(&format!("{country} {continent}\n"));
        }
        out.push_str(&format!("ignored {}\n", countries.lines_ignored));
        for problem in problems.kept() {
            out.push_str(&format!("! {problem}\n"));
        }
        expected.assert_eq(&out);
    }

    #[test]
    fn reads_codes_and_counts_the_rest() {
        check(
            b"\"iso 3166 country\",\"continent code\"\nA1,--\nAD,EU\r\n\"se\" , \"eu\"\n\nUSA,NA\n",
            expect![[r#"
                AD EU
                SE EU
                ignored 3
            "#]],
        );
    }

    #[test]
    fn contradictions_and_lines_without_fields_are_problems() {
        check(
            b"IL,AS\nIL,AS\nIL,EU\nnothing\n\xff\xff,EU\n",
            expect![[r#"
                IL AS
                ignored 1
                ! countries line 3: IL is on AS already, not on EU
                ! countries line 4: nothing: no comma
            "#]],
        );
    }
}
