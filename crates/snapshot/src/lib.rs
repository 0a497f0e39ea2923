//! The compiled world: one immutable file, checked when opened, mapped, read forever.
