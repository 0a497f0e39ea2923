//! One binary, many roles: the mirror director.

fn main() {}
