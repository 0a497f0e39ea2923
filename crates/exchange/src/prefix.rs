//! Prefixes as people write them.
//!
//! MirrorManager lets its users type netblocks freely: a prefix, an address, an address with a
//! netmask, or a DNS name. All but the last can be read without asking anybody, and nobody is asked
//! here.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::problem::{Fault, ProblemKind, shown};

/// Reads `2001:db8::/32`, `192.0.2.7` or `192.0.2.0/255.255.255.0`.
///
/// Bits behind the prefix are cleared. IPv4 written as IPv6 (`::ffff:192.0.2.0/120`) becomes IPv4,
/// because that is how clients with such addresses are looked up.
pub(crate) fn parse(text: &[u8]) -> Result<IpNet, Fault> {
    let text = text.trim_ascii();
    let bad = |why: &str| Fault::new(ProblemKind::BadPrefix, format!("{}: {why}", shown(text)));
    let (address, length) = match text.iter().position(|&b| b == b'/') {
        None => (text, None),
        Some(slash) => (&text[..slash], Some(&text[slash + 1..])),
    };
    let Some(address) = address_parse(address) else {
        return Err(if looks_like_a_name(text) {
            let what = format!("{} is a name, not a prefix; left out", shown(text));
            Fault::new(ProblemKind::DnsName, what)
        } else {
            bad("not an address prefix; left out")
        });
    };
    let length = match length {
        None => width(address),
        Some(digits) => {
            length_parse(address, digits).ok_or_else(|| bad("no such prefix length"))?
        }
    };
    let prefix = IpNet::new(address, length).map_err(|_| bad("prefix length too large"))?;
    Ok(unmap(prefix.trunc()))
}

/// A network as somebody typed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A prefix, an address, or an address with a netmask.
    Prefix(IpNet),
    /// What may be the name of a machine: whoever knows names knows its addresses.
    Name,
    /// Neither; with the reason.
    Wrong(String),
}

/// Reads a network as MirrorManager's users type it.
///
/// ```
/// use heliostat_exchange::{Typed, network_read};
/// let mask = network_read("192.0.2.0/255.255.255.0");
/// assert_eq!(mask, Typed::Prefix("192.0.2.0/24".parse().unwrap()));
/// assert_eq!(network_read("mirror.example"), Typed::Name);
/// assert!(matches!(network_read("192.0.2.0/33"), Typed::Wrong(_)));
/// ```
pub fn network_read(text: &str) -> Typed {
    match parse(text.as_bytes()) {
        Ok(prefix) => Typed::Prefix(prefix),
        Err(fault) if fault.kind == ProblemKind::DnsName => Typed::Name,
        Err(fault) => Typed::Wrong(fault.what.trim_end_matches("; left out").to_owned()),
    }
}

fn address_parse(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.trim_ascii().parse().ok()
}

/// A decimal prefix length, or a netmask of the address's family.
fn length_parse(address: IpAddr, text: &[u8]) -> Option<u8> {
    let text = text.trim_ascii();
    if !text.is_empty() && text.len() <= 3 && text.iter().all(u8::is_ascii_digit) {
        let length = text.iter().fold(0u16, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        return u8::try_from(length).ok();
    }
    match (address, address_parse(text)?) {
        (IpAddr::V4(_), mask @ IpAddr::V4(_)) | (IpAddr::V6(_), mask @ IpAddr::V6(_)) => {
            ipnet::ip_mask_to_prefix(mask).ok()
        }
        _ => None,
    }
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn unmap(prefix: IpNet) -> IpNet {
    let IpNet::V6(v6) = prefix else { return prefix };
    let mapped: Option<Ipv4Addr> = v6.network().to_ipv4_mapped();
    match (mapped, v6.prefix_len().checked_sub(96)) {
        (Some(address), Some(length)) => Ipv4Net::new(address, length).map_or(prefix, IpNet::V4),
        _ => prefix,
    }
}

/// Letters, digits, dots and dashes, and among them a letter that no address has.
fn looks_like_a_name(text: &[u8]) -> bool {
    text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        && text.iter().any(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    fn check(lines: &str, expected: Expect) {
        let mut out = String::new();
        for line in lines.lines() {
            match super::parse(line.as_bytes()) {
                Ok(prefix) => out.push_str(&format!("{prefix}\n")),
                Err(fault) => out.push_str(&format!("{} ({})\n", fault.what, fault.kind)),
            }
        }
        expected.assert_eq(&out);
    }

    #[test]
    fn prefixes_addresses_and_netmasks() {
        check(
            "192.0.2.7/24\n 192.0.2.7 \n192.0.2.0/255.255.255.0\n2001:db8::/32\n2001:db8::1\n\
             ::ffff:192.0.2.0/120\n2001:db8::/ffff:ffff::",
            expect![[r#"
                192.0.2.0/24
                192.0.2.7/32
                192.0.2.0/24
                2001:db8::/32
                2001:db8::1/128
                192.0.2.0/24
                2001:db8::/32
            "#]],
        );
    }

    #[test]
    fn everything_else_is_a_fault() {
        check(
            "1.2.3.4/33\n1.2.3.4/\n1.2.3.4/-1\n1.2.3.4/999\n1.2.3.4/255.0.255.0\n1.2.3.4/ffff::\n\
             2001:db8::/129\nmirror.example.org\n1.2.3\n\n/24\n1.2.3.4-1.2.3.9",
            expect![[r#"
                1.2.3.4/33: prefix length too large (bad-prefix)
                1.2.3.4/: no such prefix length (bad-prefix)
                1.2.3.4/-1: no such prefix length (bad-prefix)
                1.2.3.4/999: no such prefix length (bad-prefix)
                1.2.3.4/255.0.255.0: no such prefix length (bad-prefix)
                1.2.3.4/ffff::: no such prefix length (bad-prefix)
                2001:db8::/129: prefix length too large (bad-prefix)
                mirror.example.org is a name, not a prefix; left out (dns-name)
                1.2.3: not an address prefix; left out (bad-prefix)
                : not an address prefix; left out (bad-prefix)
                /24: not an address prefix; left out (bad-prefix)
                1.2.3.4-1.2.3.9: not an address prefix; left out (bad-prefix)
            "#]],
        );
    }
}
