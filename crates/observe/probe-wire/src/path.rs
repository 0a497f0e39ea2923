//! Paths that go nowhere but down.

use crate::Limit;

/// Checks a stranger's path: relative, every part a name, nothing that hides, not too long.
///
/// # Errors
///
/// The limit that it is beyond.
pub fn path_check(path: &str) -> Result<(), Limit> {
    if path.len() > PATH_BYTES_MAX {
        return Err(Limit::PathBytes);
    }
    if path.chars().any(char::is_control) {
        return Err(Limit::PathControl);
    }
    let mut parts = 0;
    for part in path.split('/') {
        parts += 1;
        match part {
            "" | "." | ".." => return Err(Limit::PathEscape),
            part if part.len() > NAME_BYTES_MAX => return Err(Limit::NameBytes),
            _ => {}
        }
    }
    if parts > PATH_PARTS_MAX { Err(Limit::PathParts) } else { Ok(()) }
}

/// The longest path.
pub const PATH_BYTES_MAX: usize = 4096;

/// The longest name in a path.
pub const NAME_BYTES_MAX: usize = 255;

/// The deepest path.
pub const PATH_PARTS_MAX: usize = 64;
