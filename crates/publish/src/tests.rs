//! The compiler and its file.
