//! The hot path: ask, choose, write; listeners; reload.
