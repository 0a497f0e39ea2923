//! Benches side by side with the peers' designs, ratios in one run.
