//! How far long work has come: bars when somebody watches, nothing otherwise.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over bytes; hidden when the error stream is no terminal.
pub(crate) fn bytes(what: &'static str, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    let style = "{msg:>12} {bar:40} {bytes} of {total_bytes} ({bytes_per_sec}, {eta} left)";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}

/// A bar over things that are counted; hidden when the error stream is no terminal.
pub(crate) fn count(what: &'static str, things: &str, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    let style = format!("{{msg:>12}} {{bar:40}} {{pos}} of {{len}} {things} ({{eta}} left)");
    if let Ok(style) = ProgressStyle::with_template(&style) {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}

/// A line that names the stage of the work, and turns while it lasts.
pub(crate) fn stages() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{msg:>12} {spinner} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    bar
}
