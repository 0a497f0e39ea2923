//! A configuration file of any text.

use heliostat_operate_cli::serve_options::parse;

/// It is understood, or the error says where it is not.
pub(super) fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = parse(text) {
        assert!(!error.to_string().is_empty());
    }
}
