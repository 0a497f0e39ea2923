//! Accounts and tokens, on both engines.

use super::{NOW, catalog, refused, write};
use crate::account::{Account, Role};
use crate::checkin::Checkin;
use crate::host::Host;
use crate::site::Site;
use crate::{Catalog, Filter, Place, Txn};

/// Everything that the trail says.
fn trail(catalog: &mut Catalog) -> String {
    let entries = catalog.read(|view| view.audit_list(&Filter::default(), 1_000)).unwrap();
    format!("{entries:?}")
}

pub(super) fn accounts_come_and_go(place: &Place) {
    let mut catalog = catalog(place);
    let operator =
        write(&mut catalog, |txn| txn.account_insert(Account::new("operator", Role::Viewer)));
    let why = refused(&mut catalog, |txn| txn.account_insert(operator.clone()));
    assert_eq!(why, "user operator: the name is taken");
    for (name, reason) in [("", "is empty"), ("a/b", "has a slash"), ("a\n", "blanks around")] {
        let account = Account::new(name, Role::Viewer);
        let why = refused(&mut catalog, |txn| txn.account_insert(account));
        assert!(why.contains(reason), "{why}");
    }
    let forged = Account { password_unix_s: Some(NOW), ..Account::new("eve", Role::Admin) };
    let why = refused(&mut catalog, |txn| txn.account_insert(forged));
    assert!(why.contains("user password"), "{why}");
    let edited = Account { name: "operators".to_owned(), role: Role::Admin, ..operator.clone() };
    write(&mut catalog, |txn| txn.account_update(&operator, &edited));
    assert_eq!(catalog.read(|view| view.account_list()).unwrap(), std::slice::from_ref(&edited));
    let forged = Account { password_unix_s: Some(NOW), ..edited.clone() };
    let why = refused(&mut catalog, |txn| txn.account_update(&edited, &forged));
    assert!(why.contains("user password"), "{why}");
    write(&mut catalog, |txn| txn.account_remove(&edited));
    assert_eq!(catalog.read(|view| view.account_list()).unwrap(), []);
}

pub(super) fn passwords_are_known_again_and_kept_nowhere(place: &Place) {
    let mut catalog = catalog(place);
    write(&mut catalog, |txn| txn.account_insert(Account::new("operator", Role::Editor)));
    let set = |txn: &mut Txn<'_>, password: &str| {
        txn.account_password_set("operator", password, b"0123456789abcdef")
    };
    for wrong in ["seven77", &"x".repeat(1_025)] {
        assert!(refused(&mut catalog, |txn| set(txn, wrong)).contains("a password has at"));
    }
    let by = |catalog: &mut Catalog, name: &str, password: &str| {
        catalog.read(|view| view.account_by_password(name, password)).unwrap()
    };
    assert_eq!(by(&mut catalog, "operator", "correct horse"), None, "it has none yet");
    write(&mut catalog, |txn| set(txn, "correct horse"));
    let operator = catalog.read(|view| view.account_find("operator")).unwrap();
    assert_eq!(operator.password_unix_s, Some(NOW));
    assert_eq!(by(&mut catalog, "operator", "correct horse"), Some(operator.clone()));
    assert_eq!(by(&mut catalog, "operator", "Correct horse"), None);
    assert_eq!(by(&mut catalog, "stranger", "correct horse"), None);
    // Neither the words nor their hash are where people look.
    let trail = trail(&mut catalog);
    assert!(trail.contains("password_unix_s"), "{trail}");
    assert!(!trail.contains("horse") && !trail.contains("argon2"), "{trail}");
    let away = Account { active: false, ..operator.clone() };
    write(&mut catalog, |txn| txn.account_update(&operator, &away));
    assert_eq!(by(&mut catalog, "operator", "correct horse"), None, "it is switched off");
    write(&mut catalog, |txn| txn.account_update(&away, &operator));
    assert_eq!(by(&mut catalog, "operator", "correct horse"), Some(operator.clone()));
    let without = Account { password_unix_s: None, ..operator.clone() };
    write(&mut catalog, |txn| txn.account_update(&operator, &without));
    assert_eq!(by(&mut catalog, "operator", "correct horse"), None, "it was taken away");
}

pub(super) fn tokens_are_known_again_and_kept_nowhere(place: &Place) {
    let mut catalog = catalog(place);
    let operator =
        write(&mut catalog, |txn| txn.account_insert(Account::new("operator", Role::Editor)));
    let end = NOW + 10;
    for (name, end, reason) in [
        ("laptop", None, "PERSON/TOKEN"),
        ("stranger/laptop", None, "there is no user stranger"),
        ("operator/", None, "the name is empty"),
        ("operator/laptop", Some(NOW), "over at once"),
    ] {
        let why = refused(&mut catalog, |txn| txn.token_insert(name, end, &[7; 32]));
        assert!(why.contains(reason), "{why}");
    }
    let (token, secret) =
        write(&mut catalog, |txn| txn.token_insert("operator/laptop", Some(end), &[7; 32]));
    assert_eq!(secret, format!("heliostat_{}", "07".repeat(32)));
    let why = refused(&mut catalog, |txn| txn.token_insert("operator/laptop", None, &[8; 32]));
    assert!(why.contains("taken"), "{why}");
    assert_eq!(catalog.read(|view| view.token_find("operator/laptop")).unwrap(), token);
    let whose = |catalog: &mut Catalog, secret: &str, now| {
        catalog.read(|view| view.token_by_secret(secret, now)).unwrap()
    };
    let known = Some((token, operator.clone()));
    assert_eq!(whose(&mut catalog, &secret, NOW), known);
    assert_eq!(whose(&mut catalog, &secret, end), None, "it has ended");
    assert_eq!(whose(&mut catalog, &secret[..secret.len() - 1], NOW), None);
    assert!(!trail(&mut catalog).contains(&secret["heliostat_".len()..]));
    let away = Account { active: false, ..operator.clone() };
    write(&mut catalog, |txn| txn.account_update(&operator, &away));
    assert_eq!(whose(&mut catalog, &secret, NOW), None, "its owner is switched off");
    write(&mut catalog, |txn| txn.account_update(&away, &operator));
    assert_eq!(whose(&mut catalog, &secret, NOW), known);
    write(&mut catalog, |txn| txn.account_remove(&operator));
    assert_eq!(whose(&mut catalog, &secret, NOW), None);
    assert_eq!(catalog.read(|view| view.token_list()).unwrap(), []);
    assert!(trail(&mut catalog).contains("operator/laptop"), "its end is in the trail");
}

pub(super) fn people_and_passwords_speak_for_sites(place: &Place) {
    let mut catalog = catalog(place);
    for name in ["University", "Elsewhere"] {
        write(&mut catalog, |txn| txn.site_insert(Site::new(name)));
    }
    let sites = vec!["University".to_owned()];
    let keeper = Account { sites: sites.clone(), ..Account::new("keeper", Role::Viewer) };
    let keeper = write(&mut catalog, |txn| txn.account_insert(keeper));
    assert_eq!(catalog.read(|view| view.account_find("keeper")).unwrap(), keeper);
    assert!(keeper.speaks_for("University") && !keeper.speaks_for("Elsewhere"));
    assert!(Account::new("operator", Role::Editor).speaks_for("Elsewhere"));
    let away = Account { active: false, ..Account::new("operator", Role::Admin) };
    assert!(!away.speaks_for("University"));
    let nobody = Account { sites: vec!["Nowhere".to_owned()], ..keeper.clone() };
    let why = refused(&mut catalog, |txn| txn.account_update(&keeper, &nobody));
    assert_eq!(why, "there is no site Nowhere");
    let more = vec!["University".to_owned(), "Elsewhere".to_owned(), "University".to_owned()];
    let more = Account { sites: more, ..keeper.clone() };
    write(&mut catalog, |txn| txn.account_update(&keeper, &more));
    let found = catalog.read(|view| view.account_list()).unwrap();
    assert_eq!(found[0].sites, ["Elsewhere", "University"]);

    let by = |catalog: &mut Catalog, name: &str, password: &str| {
        let found = catalog.read(|view| view.site_by_password(name, password)).unwrap();
        found.map(|site| site.name)
    };
    let set = |txn: &mut Txn<'_>, password| {
        txn.site_password_set("University", password, b"0123456789abcdef")
    };
    assert_eq!(by(&mut catalog, "University", "correct horse"), None, "it has none yet");
    assert!(refused(&mut catalog, |txn| set(txn, Some("short"))).contains("at least 8"));
    write(&mut catalog, |txn| set(txn, Some("correct horse")));
    assert_eq!(by(&mut catalog, "University", "correct horse").as_deref(), Some("University"));
    for (name, password) in
        [("University", "wrong"), ("Elsewhere", "correct horse"), ("Nowhere", "correct horse")]
    {
        assert_eq!(by(&mut catalog, name, password), None, "{name} {password}");
    }
    write(&mut catalog, |txn| set(txn, Some("battery staple")));
    assert_eq!(by(&mut catalog, "University", "correct horse"), None, "it is another one");
    write(&mut catalog, |txn| set(txn, None));
    assert_eq!(by(&mut catalog, "University", "battery staple"), None, "it was taken away");
    let trail = trail(&mut catalog);
    assert!(trail.contains("site password") && !trail.contains("argon2"), "{trail}");
}

pub(super) fn the_last_check_in_of_a_host_is_kept(place: &Place) {
    let mut catalog = catalog(place);
    write(&mut catalog, |txn| txn.site_insert(Site::new("University")));
    let host = Host::new("University", "mirror1.example.org");
    let host = write(&mut catalog, |txn| txn.host_insert(host));
    let checkin = Checkin { host_id: host.id, who: "site:University".into(), ..Checkin::default() };
    for at_unix_s in [NOW, NOW + 60] {
        let checkin = Checkin { at_unix_s, current: 7, unknown: 1, ..checkin.clone() };
        write(&mut catalog, |txn| txn.checkin_set(&checkin));
        assert_eq!(catalog.read(|view| view.checkin_list()).unwrap(), [checkin]);
    }
    write(&mut catalog, |txn| txn.host_remove(&host));
    assert_eq!(catalog.read(|view| view.checkin_list()).unwrap(), []);
}
