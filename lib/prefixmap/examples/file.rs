//! Keeps a map in a file, behind something else, and reads it from there.
#![expect(clippy::print_stdout, reason = "an example shows something")]

use std::fs;
use std::net::Ipv4Addr;

use heliostat_prefixmap::{PrefixMap, build};
use ipnet::{IpNet, Ipv4Net};

/// Where the map begins in the file: at a multiple of 64, so that no line is read twice.
const START: usize = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::temp_dir().join(format!("prefixmap-{}.example", std::process::id()));

    // Every /24 of 10.0.0.0/8, numbered.
    let prefix = |number: u32| Ipv4Net::new(Ipv4Addr::from_bits(10 << 24 | number << 8), 24);
    let prefixes: Result<Vec<_>, _> =
        (0..1 << 16).map(|number| prefix(number).map(|net| (IpNet::V4(net), number))).collect();
    let mut file = vec![0; START];
    file.extend(build(prefixes?)?);
    fs::write(&path, &file)?;

    // Checked once; the layout is all that has to be kept beside the bytes.
    let bytes = fs::read(&path)?;
    fs::remove_file(&path)?;
    let map = PrefixMap::open(bytes.get(START..).unwrap_or_default())?;
    let layout = map.layout();
    println!("{} prefixes in {} bytes", map.len(), layout.size());

    let view = layout.view(&bytes[START..]);
    println!("10.1.2.3 has the value {:?}", view.value(Ipv4Addr::new(10, 1, 2, 3)));
    Ok(())
}
