//! An immutable longest-prefix map for IPv4 and IPv6 over one flat, mappable byte image.
