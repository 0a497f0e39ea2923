//! World in, snapshot file out: compiled whole, written aside, synced, renamed.
