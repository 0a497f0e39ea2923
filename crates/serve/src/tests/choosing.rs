//! Who comes first, and who is left out.

use std::collections::HashMap;

use super::small::{
    BRAZILIAN, CAPTIVE, CUSTOMER, GERMAN, INSIDER, STRANGER, SWEDE, ask, ask_of, hosts, snapshot,
    world,
};
use crate::ask::{Ask, Form, Policy};
use crate::{Scratch, Tier, answer, explanation};

const REPO: &str = "repo=fedora-40&arch=x86_64";

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn the_own_country_comes_before_the_continent_and_that_before_the_world() {
    let names = hosts(REPO, SWEDE);
    assert_eq!(sorted(names[..2].to_vec()), ["one.se", "two.se"]);
    // Two in Sweden and one in Germany are fewer than five, so the rest of the world follows.
    assert_eq!(names[2..], ["three.de", "four.us"]);
}

#[test]
fn enough_near_hosts_keep_the_world_out() {
    let snapshot = snapshot(&world());
    let mut ask = Ask::new(Form::Mirrorlist, SWEDE.parse().unwrap());
    ask.read(REPO.as_bytes(), true).unwrap();
    ask.policy = Policy { hosts_min: 3, hosts_max: 2 };
    let mut scratch = Scratch::default();
    let answer = answer(&snapshot, &ask, &mut scratch);
    assert_eq!(answer.tier, Some(Tier::Country));
    let text = String::from_utf8_lossy(&scratch.body).into_owned();
    assert!(!text.contains("global") && !text.contains("four.us"), "{text}");
    assert_eq!(text.lines().count(), 3, "the maximum is two: {text}");
}

#[test]
fn a_restricted_host_serves_its_countries_and_its_own_networks() {
    let mut world = world();
    assert!(!hosts(REPO, SWEDE).contains(&"five.no".to_owned()));
    assert!(!hosts(REPO, STRANGER).contains(&"five.no".to_owned()), "unknown is none of them");
    world.hosts[4].netblocks = vec!["192.0.2.0/24".parse().unwrap()];
    let (answer, text) = ask_of(&snapshot(&world), Form::Mirrorlist, REPO, SWEDE);
    assert_eq!(answer.tier, Some(Tier::Netblock));
    assert_eq!(text.lines().nth(1), Some("https://five.no/only-norway/40/x86_64/os/"));
}

#[test]
fn the_most_specific_netblock_comes_first_and_public_hosts_follow() {
    let names = hosts(REPO, INSIDER);
    assert_eq!(names[..2], ["four.us", "inside.us"]);
    assert_eq!(sorted(names[2..].to_vec()), ["one.se", "three.de", "two.se"]);
}

#[test]
fn netblock_0_switches_netblocks_off_and_networks_not() {
    assert!(!hosts(&format!("{REPO}&netblock=0"), INSIDER).contains(&"inside.us".to_owned()));
    assert_eq!(hosts(&format!("{REPO}&netblock=0"), CUSTOMER)[0], "three.de");
}

#[test]
fn private_hosts_are_hidden_from_claimed_addresses() {
    assert_eq!(hosts(REPO, CAPTIVE), ["captor.us"]);
    let names = hosts(&format!("{REPO}&ip={CAPTIVE}"), SWEDE);
    assert!(!names.contains(&"captor.us".to_owned()) && names[0] == "four.us");
    let names = hosts(&format!("{REPO}&ip={INSIDER}"), SWEDE);
    assert!(!names.contains(&"inside.us".to_owned()) && names[0] == "four.us");
    assert!(!hosts(&format!("{REPO}&location=lab"), SWEDE).contains(&"inside.us".to_owned()));
}

#[test]
fn countries_that_were_asked_for_add_nothing_else() {
    assert_eq!(hosts(&format!("{REPO}&country=de"), SWEDE), ["three.de"]);
    assert_eq!(hosts(&format!("{REPO}&cc=us"), SWEDE), ["four.us"]);
    assert_eq!(hosts(&format!("{REPO}&country=us,de,us"), SWEDE), ["four.us", "three.de"]);
    // Netblocks do not count either.
    assert_eq!(hosts(&format!("{REPO}&country=de"), INSIDER), ["three.de"]);
}

#[test]
fn countries_without_a_mirror_fall_back_to_their_continent_then_to_nothing_asked() {
    let names = sorted(hosts(&format!("{REPO}&country=dk"), BRAZILIAN));
    assert_eq!(names, ["one.se", "three.de", "two.se"]);
    // The only host in Norway does not serve Brazil.
    let names = sorted(hosts(&format!("{REPO}&country=no"), BRAZILIAN));
    assert_eq!(names, ["one.se", "three.de", "two.se"]);
    let as_if = hosts(&format!("{REPO}&country=zz"), GERMAN);
    assert_eq!(as_if[0], "three.de");
    assert_eq!(hosts(&format!("{REPO}&country="), GERMAN)[0], "three.de");
}

#[test]
fn global_is_everybody() {
    let names = sorted(hosts(&format!("{REPO}&country=global"), SWEDE));
    assert_eq!(names, ["four.us", "one.se", "three.de", "two.se"]);
    let names = hosts(&format!("{REPO}&country=us,global"), SWEDE);
    assert_eq!((names[0].as_str(), names.len()), ("four.us", 4));
}

#[test]
fn avoided_hosts_and_foreign_schemes_are_left_out() {
    let names = hosts(&format!("{REPO}&avoid=ONE.se,%20four.us"), SWEDE);
    assert_eq!(names, ["two.se", "three.de"]);
    assert_eq!(hosts(&format!("{REPO}&protocol=rsync&country=de"), SWEDE), ["six.rsync"]);
}

#[test]
fn tunnels_lead_to_the_country_of_their_address() {
    // 6to4 and Teredo addresses of 192.0.2.1, and the mapped one.
    for client in ["2002:c000:201::1", "2001:0:53aa:64c::3fff:fdfe", "::ffff:192.0.2.1"] {
        assert_eq!(
            ask(Form::Mirrorlist, REPO, client).0.country.unwrap().as_str(),
            "SE",
            "{client}"
        );
    }
}

#[test]
fn heavier_hosts_come_first_in_proportion() {
    let snapshot = snapshot(&world());
    let mut first: HashMap<String, u32> = HashMap::new();
    for seed in 0..20_000 {
        let mut ask = Ask::new(Form::Mirrorlist, SWEDE.parse().unwrap());
        ask.read(b"repo=fedora-40&arch=x86_64&country=global", true).unwrap();
        ask.seed = seed;
        let mut scratch = Scratch::default();
        answer(&snapshot, &ask, &mut scratch);
        let text = String::from_utf8_lossy(&scratch.body).into_owned();
        let host = text.lines().nth(1).unwrap().split('/').nth(2).unwrap();
        *first.entry(host.to_owned()).or_default() += 1;
    }
    // Weights 1000, 10, 100 and 100 of 1210; the seeds are fixed, so is the outcome.
    for (host, weight) in
        [("one.se", 1000.0), ("two.se", 10.0), ("three.de", 100.0), ("four.us", 100.0)]
    {
        let expected = 20_000.0 * weight / 1210.0;
        let found = f64::from(first[host]);
        assert!((found - expected).abs() < 5.0 * expected.sqrt(), "{host}: {found} of {expected}");
    }
}

#[test]
fn an_explanation_names_everybody_once_with_a_place_or_a_reason() {
    let snapshot = snapshot(&world());
    let mut ask = Ask::new(Form::Mirrorlist, SWEDE.parse().unwrap());
    let query = format!("{REPO}&avoid=four.us");
    ask.read(query.as_bytes(), true).unwrap();
    let explanation = explanation(&snapshot, &ask).unwrap();
    let reasons: HashMap<_, _> =
        explanation.candidates.iter().map(|c| (c.host.as_str(), (c.order, c.left_out))).collect();
    assert_eq!(explanation.candidates.len(), 8);
    assert_eq!(reasons["three.de"], (Some(3), None));
    assert_eq!(reasons["four.us"].1, Some("the client asked to avoid it"));
    assert_eq!(reasons["five.no"].1, Some("serves clients of other countries only"));
    assert_eq!(reasons["six.rsync"].1, Some("has no URL of a scheme that was asked for"));
    assert_eq!(reasons["inside.us"].1, Some("private, and the client is not on its networks"));
}
