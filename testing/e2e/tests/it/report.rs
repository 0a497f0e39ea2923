//! What serving nodes have answered, added up: nothing is lost at a restart, nothing counts twice.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use heliostat_testing_e2e::{Director, address_unused, get, run};
use serde_json::Value;

use crate::fixture::{METALINK, MIRRORLIST, snapshot_of};

/// A node with a folder for its totals.
struct Node {
    name: &'static str,
    metrics: String,
    director: Director,
}

impl Node {
    fn start(folder: &Path, snapshot: &Path, name: &'static str) -> Result<Node> {
        let metrics = address_unused().to_string();
        let totals = folder.join(name).to_string_lossy().into_owned();
        let options = ["--metrics-listen", &metrics, "--totals-dir", &totals];
        let director = Director::start_ready(folder, snapshot, &options)?;
        Ok(Node { name, metrics, director })
    }

    fn ask(&self, target: &str, times: usize) -> Result<()> {
        (0..times).try_for_each(|_| self.director.get(target).map(drop))
    }
}

#[test]
fn totals_are_exact_across_nodes_and_restarts() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let folder = folder.path();
    let catalog = folder.join("catalog.db").to_string_lossy().into_owned();
    run(&["init", "--catalog", &catalog])?;
    let merge = |nodes: &[String]| -> Result<u64> {
        let mut line = vec!["report", "--catalog", &catalog, "merge", "--json"];
        nodes.iter().for_each(|node| line.extend(["--node", node]));
        let said: Value = serde_json::from_str(&run(&line)?)?;
        said["answers"].as_u64().context("no number")
    };
    let sum = |by: &str, name: &str| -> Result<u64> {
        let shown = run(&["report", "--catalog", &catalog, "show", "--by", by, "--json"])?;
        let shown: Value = serde_json::from_str(&shown)?;
        let all = shown.as_array().context("no list")?.iter();
        let own = all.filter(|of| name.is_empty() || of["name"] == name);
        Ok(own.filter_map(|of| of["answers"].as_u64()).sum())
    };
    let mut nodes =
        [Node::start(folder, &snapshot, "one")?, Node::start(folder, &snapshot, "two")?];
    let urls = |nodes: &[Node; 2]| nodes.each_ref().map(|node| format!("http://{}", node.metrics));
    nodes[0].ask(MIRRORLIST, 5)?;
    nodes[1].ask(METALINK, 3)?;
    nodes[1].ask("/mirrorlist?repo=nothing&arch=x86_64", 2)?;
    ensure!(merge(&urls(&nodes))? == 10);
    ensure!(merge(&urls(&nodes))? == 0, "nothing counts twice");

    // What was answered between the last question and a restart is not lost.
    nodes[0].ask(MIRRORLIST, 7)?;
    let [one, two] = nodes;
    ensure!(one.director.stop()?.status.success());
    nodes = [Node::start(folder, &snapshot, one.name)?, two];
    nodes[0].ask(METALINK, 4)?;
    nodes[1].ask(MIRRORLIST, 1)?;
    ensure!(merge(&urls(&nodes))? == 12);
    // The folder says the same, and so does whoever was asked already.
    let folders = ["one", "two"].map(|name| folder.join(name).to_string_lossy().into_owned());
    ensure!(merge(&folders)? == 0);
    for by in ["repository", "arch", "country", "tier", "protocol", "status", "countme"] {
        ensure!(sum(by, "")? == 22, "{by}");
    }
    ensure!((sum("status", "200")?, sum("status", "404")?) == (20, 2));
    ensure!((sum("repository", "fedora-40")?, sum("repository", "none")?) == (20, 2));
    let shown = run(&["report", "--catalog", &catalog, "show", "--by", "status"])?;
    ensure!(shown.lines().count() == 3 && shown.contains("200"), "{shown}");

    // A node that is away is named; the others are heard.
    nodes[1].ask(MIRRORLIST, 1)?;
    let away = format!("http://{}", address_unused());
    let line = ["report", "--catalog", &catalog, "merge", "--node", &away];
    let told = format!("http://{}", nodes[1].metrics);
    let error = run(&[&line[..], &["--node", &told]].concat()).unwrap_err().to_string();
    ensure!(error.contains("1 new answers") && error.contains(&away), "{error}");
    ensure!(sum("status", "")? == 23);

    // No client is in it.
    let metrics = nodes[0].metrics.parse()?;
    let page = get(metrics, "/totals")?.body;
    ensure!(!page.contains(&nodes[0].director.address.ip().to_string()), "{page}");
    ensure!(!page.contains("127.0.0.1"), "{page}");
    Ok(())
}
