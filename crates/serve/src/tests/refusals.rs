//! What cannot be answered with a list.

use expect_test::{Expect, expect};

use super::small::{SWEDE, ask};
use crate::Outcome;
use crate::ask::{Ask, Form, Refusal};

fn check(form: Form, query: &str, outcome: Outcome, expected: Expect) {
    let (answer, text) = ask(form, query, SWEDE);
    assert_eq!(answer.outcome, outcome);
    expected.assert_eq(&text);
}

#[test]
fn every_refusal_is_one_line() {
    use Form::Mirrorlist;
    check(
        Mirrorlist,
        "",
        Outcome::NothingAsked,
        expect![[r#"
        # either path=, or repo= and arch= must be specified
    "#]],
    );
    check(
        Mirrorlist,
        "repo=fedora-40",
        Outcome::NothingAsked,
        expect![[r#"
        # either path=, or repo= and arch= must be specified
    "#]],
    );
    check(
        Mirrorlist,
        "repo=no%0ane&arch=x86_64",
        Outcome::NoSuchRepository,
        expect![[r#"
        # repo = none arch = x86_64 error: invalid repo or arch
    "#]],
    );
    check(
        Mirrorlist,
        "repo=Fedora-40&arch=x86_64&list",
        Outcome::NoSuchRepository,
        expect![[r#"
        # repo = Fedora-40 arch = x86_64 error: invalid repo or arch
        # following repositories are available:
        # repo=fedora-40&arch=x86_64
        # repo=fedora-source-40&arch=source
        # repo=old-1&arch=x86_64
    "#]],
    );
}

#[test]
fn paths_and_disabled_repositories_are_refused() {
    use Form::Mirrorlist;
    check(
        Mirrorlist,
        "path=a/../b",
        Outcome::NoSuchPath,
        expect![[r#"
        # path = a/../b error: invalid path
    "#]],
    );
    check(
        Mirrorlist,
        "path=",
        Outcome::NoSuchPath,
        expect![[r#"
        # path =  error: invalid path
    "#]],
    );
    check(
        Mirrorlist,
        "repo=old-1&arch=ppc64le",
        Outcome::RepositoryDisabled,
        expect![[r#"
        # repo = old-1 arch = ppc64le repo disabled
    "#]],
    );
    check(
        Mirrorlist,
        "repo=gone&arch=x86_64",
        Outcome::RepositoryDisabled,
        expect![[r#"
        # repo = old-1 arch = x86_64 repo disabled
    "#]],
    );
    // A redirect is followed once.
    check(
        Mirrorlist,
        "repo=twice&arch=x86_64",
        Outcome::NoSuchRepository,
        expect![[r#"
        # repo = fedora-latest arch = x86_64 error: invalid repo or arch
    "#]],
    );
}

#[test]
fn metalinks_refuse_in_a_comment_that_stays_well_formed() {
    use Form::Metalink;
    check(
        Metalink,
        "repo=--%3E%3Cx/%3E--&arch=x86_64",
        Outcome::NoSuchRepository,
        expect![[r#"
        <?xml version="1.0" encoding="utf-8"?>
        <metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" pubdate="Tue, 14 Nov 2023 22:30:00 GMT" generator="mirrormanager" xmlns:mm0="http://fedorahosted.org/mirrormanager">
        <!-- # repo = - -&gt;&lt;x/&gt;- - arch = x86_64 error: invalid repo or arch -->
        </metalink>
    "#]],
    );
    check(
        Metalink,
        "repo=fedora-source-40&arch=armhfp",
        Outcome::NoDetails,
        expect![[r#"
        <?xml version="1.0" encoding="utf-8"?>
        <metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" pubdate="Tue, 14 Nov 2023 22:30:00 GMT" generator="mirrormanager" xmlns:mm0="http://fedorahosted.org/mirrormanager">
        <!-- pub/fedora/40/source/repodata/repomd.xml not found or has no metalink -->
        </metalink>
    "#]],
    );
}

#[test]
fn redirects_lead_to_the_best_web_mirror_or_nowhere() {
    let repo = "repo=fedora-40&arch=x86_64&redirect";
    check(
        Form::Mirrorlist,
        &format!("{repo}&country=de"),
        Outcome::Redirect,
        expect!["https://three.de/x&y/40/x86_64/os/"],
    );
    check(
        Form::Mirrorlist,
        &format!("{repo}=0&protocol=rsync"),
        Outcome::NoRedirect,
        expect![[r#""#]],
    );
    let path = "path=pub/fedora/a%20b/x%0d%0aSet-Cookie:%20y&redirect&country=de";
    check(
        Form::Mirrorlist,
        path,
        Outcome::Redirect,
        expect!["https://three.de/x&y/a%20b/x%0D%0ASet-Cookie:%20y"],
    );
}

#[test]
fn sources_have_one_architecture_and_versions_are_appended() {
    let (answer, text) = ask(Form::Mirrorlist, "repo=fedora-source-40&arch=armhfp", SWEDE);
    assert_eq!(answer.outcome, Outcome::List);
    assert!(text.starts_with("# repo = fedora-source-40 arch = source "), "{text}");
    let (answer, _) = ask(Form::Mirrorlist, "repo=fedora&version=40&arch=x86_64", SWEDE);
    assert_eq!(answer.outcome, Outcome::List);
}

#[test]
fn malformed_queries_are_refused_with_the_reason() {
    let read = |query: &str, allowed| {
        Ask::new(Form::Mirrorlist, SWEDE.parse().unwrap()).read(query.as_bytes(), allowed)
    };
    for query in ["a=%", "a=%4", "a=%zz", "%=1", "a=%+1"] {
        assert_eq!(read(query, true), Err(Refusal::Escape), "{query}");
    }
    assert_eq!(read(&"a".repeat(8193), true), Err(Refusal::QueryTooLong));
    assert_eq!(read("ip=1.2.3", true), Err(Refusal::Address));
    assert_eq!(read("ip=1.2.3", false), Ok(()));
    assert_eq!(read("ip=&ip=%5b2001:db8::1%5d", true), Ok(()));
}
