//! Builds a small map and asks it about the addresses on the command line.
#![expect(clippy::print_stdout, reason = "an example shows something")]

use std::net::IpAddr;

use heliostat_prefixmap::PrefixMap;

/// What the values mean: places in this table.
const NETWORKS: [&str; 4] = ["everyone", "documentation", "an office", "documentation, IPv6"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let map = PrefixMap::build([
        ("0.0.0.0/0".parse()?, 0),
        ("198.51.100.0/24".parse()?, 1),
        ("198.51.100.64/26".parse()?, 2),
        ("2001:db8::/32".parse()?, 3),
    ])?;
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        words = ["198.51.100.70", "192.0.2.1", "2001:db8::1", "::1"].map(String::from).to_vec();
    }
    for word in words {
        let address: IpAddr = word.parse()?;
        println!("{address}");
        for (prefix, value) in map.covering(address) {
            println!("  {prefix}: {}", NETWORKS[value as usize]);
        }
    }
    Ok(())
}
