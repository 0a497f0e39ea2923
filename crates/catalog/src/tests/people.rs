//! Accounts and tokens, on both engines.

use super::{NOW, actor, catalog};
use crate::account::{Account, Role};
use crate::{Catalog, Ending, Error, Filter, Place, Txn};

fn write<T>(catalog: &mut Catalog, write: impl FnOnce(&mut Txn<'_>) -> Result<T, Error>) -> T {
    catalog.write(&actor(), Ending::Commit, write).unwrap().0
}

fn refused<T: std::fmt::Debug>(
    catalog: &mut Catalog,
    write: impl FnOnce(&mut Txn<'_>) -> Result<T, Error>,
) -> String {
    catalog.write(&actor(), Ending::Commit, write).unwrap_err().to_string()
}

/// Everything that the trail says.
fn trail(catalog: &mut Catalog) -> String {
    let entries = catalog.read(|view| view.audit_list(&Filter::default(), 1_000)).unwrap();
    format!("{entries:?}")
}

pub(super) fn accounts_come_and_go(place: &Place) {
    let mut catalog = catalog(place);
    let alice = write(&mut catalog, |txn| txn.account_insert(Account::new("alice", Role::Viewer)));
    let why = refused(&mut catalog, |txn| txn.account_insert(alice.clone()));
    assert_eq!(why, "user alice: the name is taken");
    for (name, reason) in [("", "is empty"), ("a/b", "has a slash"), ("a\n", "blanks around")] {
        let account = Account::new(name, Role::Viewer);
        let why = refused(&mut catalog, |txn| txn.account_insert(account));
        assert!(why.contains(reason), "{why}");
    }
    let forged = Account { password_unix_s: Some(NOW), ..Account::new("eve", Role::Admin) };
    let why = refused(&mut catalog, |txn| txn.account_insert(forged));
    assert!(why.contains("user password"), "{why}");
    let edited = Account { name: "alicia".to_owned(), role: Role::Admin, ..alice.clone() };
    write(&mut catalog, |txn| txn.account_update(&alice, &edited));
    assert_eq!(catalog.read(|view| view.account_list()).unwrap(), std::slice::from_ref(&edited));
    let forged = Account { password_unix_s: Some(NOW), ..edited.clone() };
    let why = refused(&mut catalog, |txn| txn.account_update(&edited, &forged));
    assert!(why.contains("user password"), "{why}");
    write(&mut catalog, |txn| txn.account_remove(&edited));
    assert_eq!(catalog.read(|view| view.account_list()).unwrap(), []);
}

pub(super) fn passwords_are_known_again_and_kept_nowhere(place: &Place) {
    let mut catalog = catalog(place);
    write(&mut catalog, |txn| txn.account_insert(Account::new("alice", Role::Editor)));
    let set = |txn: &mut Txn<'_>, password: &str| {
        txn.account_password_set("alice", password, b"0123456789abcdef")
    };
    for wrong in ["seven77", &"x".repeat(1_025)] {
        assert!(refused(&mut catalog, |txn| set(txn, wrong)).contains("a password has at"));
    }
    let by = |catalog: &mut Catalog, name: &str, password: &str| {
        catalog.read(|view| view.account_by_password(name, password)).unwrap()
    };
    assert_eq!(by(&mut catalog, "alice", "correct horse"), None, "she has none yet");
    write(&mut catalog, |txn| set(txn, "correct horse"));
    let alice = catalog.read(|view| view.account_find("alice")).unwrap();
    assert_eq!(alice.password_unix_s, Some(NOW));
    assert_eq!(by(&mut catalog, "alice", "correct horse"), Some(alice.clone()));
    assert_eq!(by(&mut catalog, "alice", "Correct horse"), None);
    assert_eq!(by(&mut catalog, "bob", "correct horse"), None);
    // Neither the words nor their hash are where people look.
    let trail = trail(&mut catalog);
    assert!(trail.contains("password_unix_s"), "{trail}");
    assert!(!trail.contains("horse") && !trail.contains("argon2"), "{trail}");
    let away = Account { active: false, ..alice.clone() };
    write(&mut catalog, |txn| txn.account_update(&alice, &away));
    assert_eq!(by(&mut catalog, "alice", "correct horse"), None, "she is switched off");
    write(&mut catalog, |txn| txn.account_update(&away, &alice));
    assert_eq!(by(&mut catalog, "alice", "correct horse"), Some(alice.clone()));
    let without = Account { password_unix_s: None, ..alice.clone() };
    write(&mut catalog, |txn| txn.account_update(&alice, &without));
    assert_eq!(by(&mut catalog, "alice", "correct horse"), None, "it was taken from her");
}

pub(super) fn tokens_are_known_again_and_kept_nowhere(place: &Place) {
    let mut catalog = catalog(place);
    let alice = write(&mut catalog, |txn| txn.account_insert(Account::new("alice", Role::Editor)));
    let end = NOW + 10;
    for (name, end, reason) in [
        ("laptop", None, "PERSON/TOKEN"),
        ("bob/laptop", None, "there is no user bob"),
        ("alice/", None, "the name is empty"),
        ("alice/laptop", Some(NOW), "over at once"),
    ] {
        let why = refused(&mut catalog, |txn| txn.token_insert(name, end, &[7; 32]));
        assert!(why.contains(reason), "{why}");
    }
    let (token, secret) =
        write(&mut catalog, |txn| txn.token_insert("alice/laptop", Some(end), &[7; 32]));
    assert_eq!(secret, format!("heliostat_{}", "07".repeat(32)));
    let why = refused(&mut catalog, |txn| txn.token_insert("alice/laptop", None, &[8; 32]));
    assert!(why.contains("taken"), "{why}");
    assert_eq!(catalog.read(|view| view.token_find("alice/laptop")).unwrap(), token);
    let whose = |catalog: &mut Catalog, secret: &str, now| {
        catalog.read(|view| view.token_by_secret(secret, now)).unwrap()
    };
    let known = Some((token, alice.clone()));
    assert_eq!(whose(&mut catalog, &secret, NOW), known);
    assert_eq!(whose(&mut catalog, &secret, end), None, "it has ended");
    assert_eq!(whose(&mut catalog, &secret[..secret.len() - 1], NOW), None);
    assert!(!trail(&mut catalog).contains(&secret["heliostat_".len()..]));
    let away = Account { active: false, ..alice.clone() };
    write(&mut catalog, |txn| txn.account_update(&alice, &away));
    assert_eq!(whose(&mut catalog, &secret, NOW), None, "its owner is switched off");
    write(&mut catalog, |txn| txn.account_update(&away, &alice));
    assert_eq!(whose(&mut catalog, &secret, NOW), known);
    write(&mut catalog, |txn| txn.account_remove(&alice));
    assert_eq!(whose(&mut catalog, &secret, NOW), None);
    assert_eq!(catalog.read(|view| view.token_list()).unwrap(), []);
    assert!(trail(&mut catalog).contains("alice/laptop"), "its end is in the trail");
}
