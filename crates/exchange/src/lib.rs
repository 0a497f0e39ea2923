//! Other systems' data to and from the world: MirrorManager's cache, AlmaLinux YAML, address tables.
