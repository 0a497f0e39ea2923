//! The project's own tasks: tidy, test, fuzz, bench.

fn main() {}
