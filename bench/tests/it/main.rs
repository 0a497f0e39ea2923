//! The bench measures what it says: the yardstick imitates, the load counts, children die.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use heliostat_bench::child::Child;
use heliostat_bench::client::{Reply, fetch_once};
use heliostat_bench::crowd::{self, Plan};
use heliostat_bench::machine::Machine;
use heliostat_bench::servers::Server;
use heliostat_bench::targets::{Targets, request};
use heliostat_bench::usage;
use heliostat_testing_world::{Endpoint, Scale, generate};

/// The yardstick with a mirrorlist of 3,700 bytes.
fn constant() -> Result<Server> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let arguments = [
        "--listen".to_owned(),
        address.to_string(),
        "--body=/mirrorlist=3700".to_owned(),
        "--header=/mirrorlist=content-type: text/plain".to_owned(),
        "--header=/mirrorlist=x-own: a=b: c".to_owned(),
    ];
    let program = Path::new(env!("CARGO_BIN_EXE_heliostat-bench-constant"));
    let cpu = Machine::look()?.server_cpu;
    let child = Child::start(program, &arguments, cpu, None)?;
    let server = Server { name: "constant", address, child, started_after: Duration::default() };
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        if ask(address, "/mirrorlist").is_some() {
            return Ok(server);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("the yardstick does not answer");
}

fn ask(address: SocketAddr, target: &str) -> Option<Reply> {
    fetch_once(address, &request(target, "192.0.2.1", true)).ok()
}

#[test]
fn the_yardstick_answers_with_the_size_and_headers_it_was_given() {
    let server = constant().unwrap();
    let reply = ask(server.address, "/mirrorlist?repo=a&arch=b").unwrap();
    assert_eq!((reply.status, reply.body.len()), (200, 3700));
    assert_eq!(reply.header("Content-Type"), Some("text/plain"));
    assert_eq!(reply.header("x-own"), Some("a=b: c"));
    assert!(reply.header("date").is_some());
    assert_eq!(ask(server.address, "/metalink").unwrap().status, 404);
}

#[test]
fn every_request_of_a_crowd_is_counted() {
    let server = constant().unwrap();
    let targets = Targets::of(&generate(Scale::Small, 1), Endpoint::Mirrorlist, 100, 1);
    let plan = Plan { fresh: 400, pooled: 1440, pooled_s: 1 };
    let machine = Machine::look().unwrap();
    let before_ns = usage::cpu_ns(server.child.pid()).unwrap();
    let table = crowd::table(&[&server], &targets, plan, &machine).unwrap().to_string();
    assert_eq!(table.matches(", 0 failed").count(), 5, "{table}");
    assert!(usage::cpu_ns(server.child.pid()).unwrap() > before_ns);
    assert!(usage::memory(server.child.pid()).unwrap().private_kib > 0);

    let metalinks = Targets::of(&generate(Scale::Small, 1), Endpoint::Metalink, 100, 1);
    let table = crowd::table(&[&server], &metalinks, plan, &machine).unwrap().to_string();
    assert_eq!(table.matches(", 400 failed").count(), 4, "404 is a failure: {table}");
    assert_eq!(table.matches(", 1440 failed").count(), 1, "{table}");
}

#[test]
fn a_child_dies_with_its_handle() {
    let server = constant().unwrap();
    let (address, pid) = (server.address, server.child.pid());
    drop(server);
    assert!(ask(address, "/mirrorlist").is_none());
    assert!(usage::memory(pid).is_err());
}
