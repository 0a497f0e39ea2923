//! The words mean what they say.

use crate::{Code, Country, HostIndex, Mirror, MirrorIndex, Scheme, Url, World};

#[test]
fn codes_are_two_letters_or_digits() {
    assert_eq!(Code::parse("a1").unwrap().to_string(), "A1");
    for bad in ["", "a", "abc", "ä", "a ", " a", "--"] {
        assert_eq!(Code::parse(bad), None, "{bad:?}");
    }
}

#[test]
fn schemes_are_ordered_best_first() {
    assert!(Scheme::ALL.is_sorted());
    assert_eq!(Scheme::parse("HTTPS"), Some(Scheme::Https));
}

#[test]
fn urls_lose_their_last_slashes_and_keep_their_host() {
    let host = |text: &str| Url::parse(1, text).and_then(|u| u.host_name().map(str::to_owned));
    assert_eq!(host("http://a.example:8080/x//").as_deref(), Some("a.example"));
    assert_eq!(host("rsync://user@a.example/x").as_deref(), Some("a.example"));
    assert_eq!(host("http://[2001:db8::1]:80/x").as_deref(), Some("2001:db8::1"));
    assert_eq!(host("http://a b/"), None);
    assert_eq!(host("http://"), None);
    assert_eq!(host("a.example/x"), None);
}

#[test]
fn redirects_win_over_the_country_table() {
    let code = |text| Code::parse(text).map(crate::Continent).unwrap();
    let il = Country::parse("il").unwrap();
    let mut world = World::new("test", 0);
    world.country_continents.push((il, code("AS")));
    world.continent_redirects.push((il, code("EU")));
    assert_eq!(world.continents()[&il], code("EU"));
}

#[test]
fn check_names_what_points_nowhere() {
    let mut world = World::new("test", 0);
    assert_eq!(world.check(), Ok(()));
    world.mirrors.push(Mirror { host: HostIndex(3), urls: vec![] });
    assert_eq!(world.check().unwrap_err(), "mirror 0 names host 3");
    world.mirrors.clear();
    world.mirror_sets.push(Box::new([MirrorIndex(0)]));
    assert_eq!(world.check().unwrap_err(), "mirror set 1 names no mirror");
}
