//! The metrics: what they say after a few questions, and what they keep to themselves.

use std::fs;

use anyhow::{Result, ensure};
use expect_test::expect;
use heliostat_testing_e2e::{Connection, Director, address_unused, exchange, get, wait_until};

use crate::fixture::{METALINK, MIRRORLIST, compile_one, replace, snapshot_of};

#[test]
fn answers_are_counted_by_what_they_were_about() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let (metrics, log) = (address_unused(), folder.path().join("access.log"));
    let (listen, log) = (metrics.to_string(), log.to_string_lossy().into_owned());
    let options = ["--metrics-listen", &listen, "--access-log", &log];
    let director = Director::start_ready(folder.path(), &snapshot, &options)?;
    for page in [MIRRORLIST, METALINK, &format!("{MIRRORLIST}&countme=2&protocol=https,rsync")] {
        director.get(page)?;
    }
    replace(&compile_one("second", folder.path(), "next")?, &snapshot)?;
    wait_until("the second", || {
        Ok(director.get(MIRRORLIST)?.body.contains("second.example").then_some(()))
    })?;
    fs::write(folder.path().join("bad"), b"bad")?;
    replace(&folder.path().join("bad"), &snapshot)?;
    let page = wait_until("a refusal", || {
        let page = get(metrics, "/metrics")?;
        Ok(page.body.contains("{outcome=\"refused\"} 1\n").then_some(page))
    })?;
    ensure!(page.header("content-type").is_some_and(|kind| kind.contains("openmetrics-text")));
    for refused in ["/mirrorlist?ip=nobody", "/mirrorlist?repo=no-such&arch=x86_64", "/nothing"] {
        director.get(refused)?;
    }
    let page = get(metrics, "/metrics")?.body;
    let asked_until_second = |line: &str| line.contains("protocol=\"default\",status=\"200\"");
    let lines: String = page
        .lines()
        .filter(|line| line.starts_with("heliostat_answers") || line.contains("reloads_total"))
        .filter(|line| !asked_until_second(line))
        .map(|line| format!("{line}\n"))
        .collect();
    expect![[r#"
        heliostat_answers_total{repository="fedora-40",architecture="x86_64",country="none",tier="none",protocol="https,rsync",status="200",countme="2"} 1
        heliostat_answers_total{repository="none",architecture="none",country="none",tier="none",protocol="default",status="400",countme="0"} 1
        heliostat_answers_total{repository="none",architecture="none",country="none",tier="none",protocol="default",status="404",countme="0"} 1
        heliostat_answers_other_total 0
        heliostat_reloads_total{outcome="taken"} 2
        heliostat_reloads_total{outcome="refused"} 1
    "#]]
    .assert_eq(&lines);
    ensure!(page.lines().filter(|line| asked_until_second(line)).count() == 1, "{page}");
    ensure!(page.ends_with("# EOF\n") && page.contains("\nheliostat_requests_refused_total 1\n"));
    ensure!(page.contains("\nheliostat_snapshot_age_seconds "), "{page}");
    ensure!(!page.contains("127.0.0.1") && !page.contains(&director.address.ip().to_string()));
    Ok(())
}

#[test]
fn only_metrics_are_there_and_nobody_is_kept_waiting() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let metrics = address_unused();
    let options = ["--metrics-listen", &metrics.to_string()];
    let director = Director::start_ready(folder.path(), &snapshot, &options)?;
    let silent: Vec<Connection> =
        (0..15).map(|_| Connection::open(metrics)).collect::<Result<_>>()?;
    ensure!(get(metrics, MIRRORLIST)?.status == 404);
    ensure!(director.get("/metrics")?.status == 404);
    let said =
        exchange(metrics, b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")?;
    ensure!(said.starts_with(b"HTTP/1.1 405"), "{}", String::from_utf8_lossy(&said));
    exchange(metrics, b"\0\xff\r\n\r\n")?;
    let once = exchange(metrics, b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n")?;
    ensure!(once.starts_with(b"HTTP/1.1 200") && once.ends_with(b"\r\n\r\n"));
    drop(silent);
    ensure!(director.stop()?.status.success());
    Ok(())
}
