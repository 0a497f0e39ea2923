//! What is in force, layer by layer: what a worker says of itself before its first job.

use std::fmt;

use super::Layer;

/// What the pool's workers have, and over what they talk. Its [`Display`](fmt::Display) is a
/// table for people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Each layer that the worker spoke of, in the order of application.
    pub layers: Vec<(Layer, State)>,
    /// How jobs travel.
    pub transport: Transport,
}

/// How jobs travel between a pool and a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// Through shared memory.
    Ring,
    /// Through pipes of this size; unprivileged users with many pipes get small ones.
    Pipes {
        /// What a pipe holds.
        bytes: usize,
    },
    /// No worker has started yet.
    #[default]
    Unknown,
}

/// What became of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It holds; the text says what exactly.
    InForce(String),
    /// The machine does not have it, or only part of it; the text says why.
    Absent(String),
    /// It was not wanted.
    Off,
}

impl Report {
    /// What became of a layer; of one that the worker did not speak of, [`State::Off`].
    #[must_use]
    pub fn state(&self, layer: Layer) -> State {
        let found = self.layers.iter().find(|(known, _)| *known == layer);
        found.map_or(State::Off, |(_, state)| state.clone())
    }

    /// Whether a layer holds.
    #[must_use]
    pub fn is_in_force(&self, layer: Layer) -> bool {
        matches!(self.state(layer), State::InForce(_))
    }

    /// The layers as lines, as they travel.
    pub(crate) fn encode(&self) -> String {
        let line = |(layer, state): &(Layer, State)| match state {
            State::InForce(what) => format!("{layer} in-force {what}\n"),
            State::Absent(why) => format!("{layer} absent {why}\n"),
            State::Off => format!("{layer} off \n"),
        };
        self.layers.iter().map(line).collect()
    }

    /// Reads what a worker said; lines that say nothing known are passed over.
    pub(crate) fn decode(text: &str, transport: Transport) -> Report {
        let mut layers: Vec<(Layer, State)> = Vec::new();
        for line in text.lines() {
            let mut words = line.splitn(3, ' ');
            let layer = words.next().and_then(Layer::of);
            let state = words.next();
            let what = plain(words.next().unwrap_or_default());
            let state = match state {
                Some("in-force") => State::InForce(what),
                Some("absent") => State::Absent(what),
                Some("off") => State::Off,
                _ => continue,
            };
            if let Some(layer) = layer
                && !layers.iter().any(|(known, _)| *known == layer)
            {
                layers.push((layer, state));
            }
        }
        Report { layers, transport }
    }
}

/// Text that may be shown on a terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect()
}

const TEXT_MAX: usize = 200;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.transport {
            Transport::Ring => writeln!(f, "{:<18} shared memory", "transport")?,
            Transport::Pipes { bytes } => {
                writeln!(f, "{:<18} pipes of {bytes} bytes", "transport")?;
            }
            Transport::Unknown => writeln!(f, "{:<18} no worker yet", "transport")?,
        }
        for layer in Layer::ALL {
            match self.state(layer) {
                State::InForce(what) => writeln!(f, "{layer:<18} in force: {what}")?,
                State::Absent(why) => writeln!(f, "{layer:<18} ABSENT: {why}")?,
                State::Off => writeln!(f, "{layer:<18} off")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Layer, Report, State, Transport};

    #[test]
    fn what_is_encoded_is_decoded() {
        let layers = vec![
            (Layer::Seccomp, State::InForce("18 calls".into())),
            (Layer::Landlock, State::Absent("no kernel support".into())),
            (Layer::Limits, State::Off),
        ];
        let report = Report { layers, transport: Transport::Ring };
        assert_eq!(Report::decode(&report.encode(), Transport::Ring), report);
        assert!(report.is_in_force(Layer::Seccomp) && !report.is_in_force(Layer::Landlock));
        assert!(report.to_string().contains("landlock           ABSENT: no kernel support"));
    }

    #[test]
    fn a_liar_cannot_write_on_the_terminal() {
        let report = Report::decode("seccomp in-force \u{1b}[2Jx\nnonsense\n\n  ", Transport::Ring);
        assert_eq!(report.state(Layer::Seccomp), State::InForce("[2Jx".into()));
        assert_eq!(report.layers.len(), 1);
    }
}
