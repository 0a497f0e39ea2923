//! The cache is read and written as it should be.
