//! Accounts and tokens, on both engines.

use super::{NOW, catalog, refused, write};
use crate::account::{Account, Role};
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
