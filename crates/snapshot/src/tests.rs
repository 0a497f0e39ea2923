//! A file is what was written, or an error.
