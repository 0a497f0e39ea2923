//! Medians, ratios, and tables of them.

use std::fmt;

/// The middle of some figures; of an even number the mean of the two in the middle; NaN of none.
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<_> = figures.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    if n == 0 {
        return f64::NAN;
    }
    (sorted[n / 2] + sorted[(n - 1) / 2]) / 2.0
}

/// The figure that so many of a hundred do not exceed.
pub fn percentile(figures: &[f64], percent: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

/// A table of one numbered item, in Markdown.
#[derive(Clone, Debug)]
pub struct Table {
    title: String,
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

impl Table {
    /// A table without rows.
    pub fn new(title: &str, heads: &[&str]) -> Table {
        Table {
            title: title.to_owned(),
            heads: heads.iter().map(|&head| head.to_owned()).collect(),
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds a sentence below the table.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Adds a line that compares a figure with its goal; figures above the goal miss it.
    pub fn goal(&mut self, what: &str, figure: f64, at_most: f64) {
        let verdict = match figure {
            _ if figure.is_nan() => "not measured",
            _ if figure <= at_most => "met",
            _ => "**missed**",
        };
        self.note(format!(
            "{what}: {}, goal at most {}: {verdict}.",
            short(figure),
            short(at_most)
        ));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n", self.title)?;
        if !self.rows.is_empty() {
            writeln!(f, "| {} |", self.heads.join(" | "))?;
            writeln!(f, "|{}", "---|".repeat(self.heads.len()))?;
            for row in &self.rows {
                writeln!(f, "| {} |", row.join(" | "))?;
            }
            writeln!(f)?;
        }
        for note in &self.notes {
            writeln!(f, "* {note}")?;
        }
        Ok(())
    }
}

/// A figure with three significant digits, or as many as it has before the point.
pub fn short(figure: f64) -> String {
    match figure.abs() {
        _ if figure.is_nan() => "-".to_owned(),
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Table, median, percentile, short};

    #[test]
    fn the_middle_of_nothing_is_not_a_number() {
        assert!(median([]).is_nan());
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn the_hundredth_percentile_is_the_worst() {
        let figures: Vec<_> = (1..=200).map(f64::from).collect();
        assert_eq!(percentile(&figures, 100.0), 200.0);
        assert_eq!(percentile(&figures, 99.0), 198.0);
        assert_eq!(percentile(&figures, 0.0), 1.0);
    }

    #[test]
    fn a_goal_is_met_or_missed_or_was_not_measured() {
        let mut table = Table::new("1. Ratio", &["server", "µs"]);
        table.row(["a".to_owned(), short(12.345)]);
        table.goal("ratio", 1.2, 1.25);
        table.goal("ratio", 1.3, 1.25);
        table.goal("ratio", f64::NAN, 1.25);
        let text = table.to_string();
        assert!(text.contains("| a | 12.3 |"), "{text}");
        assert!(text.contains("1.20, goal at most 1.25: met."), "{text}");
        assert!(text.contains("1.30, goal at most 1.25: **missed**."), "{text}");
        assert!(text.contains("-, goal at most 1.25: not measured."), "{text}");
    }
}
