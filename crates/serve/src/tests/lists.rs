//! What clients have parsed for years, byte by byte.

use expect_test::{Expect, expect};

use super::small::{BRAZILIAN, CUSTOMER, GERMAN, INSIDER, SWEDE, ask};
use crate::ask::Form;

fn check(form: Form, query: &str, client: &str, expected: Expect) {
    let (_, text) = ask(form, query, client);
    expected.assert_eq(&text);
}

#[test]
fn a_mirrorlist_names_how_it_was_chosen_and_then_the_urls() {
    check(
        Form::Mirrorlist,
        "repo=fedora-40&arch=x86_64",
        SWEDE,
        expect![[r#"
        # repo = fedora-40 arch = x86_64 country = SE country = DE country = global 
        https://one.se/fedora/40/x86_64/os/
        http://two.se/pub/40/x86_64/os/
        https://three.de/x&y/40/x86_64/os/
        http://four.us/40/x86_64/os/
    "#]],
    );
}

#[test]
fn netblocks_and_networks_are_named_in_the_header() {
    check(
        Form::Mirrorlist,
        "repo=fedora-40&arch=x86_64",
        INSIDER,
        expect![[r#"
        # repo = fedora-40 arch = x86_64 Using preferred netblock country = global 
        http://four.us/40/x86_64/os/
        http://inside.us/mirror/40/x86_64/os/
        https://one.se/fedora/40/x86_64/os/
        https://three.de/x&y/40/x86_64/os/
        http://two.se/pub/40/x86_64/os/
    "#]],
    );
    check(
        Form::Mirrorlist,
        "repo=fedora-40&arch=x86_64",
        CUSTOMER,
        expect![[r#"
        # repo = fedora-40 arch = x86_64 Using ASN 64500 country = SE country = global 
        https://three.de/x&y/40/x86_64/os/
        https://one.se/fedora/40/x86_64/os/
        http://two.se/pub/40/x86_64/os/
        http://four.us/40/x86_64/os/
    "#]],
    );
}

#[test]
fn protocol_gives_one_url_of_each_scheme() {
    check(
        Form::Mirrorlist,
        "repo=fedora-40&arch=x86_64&protocol=rsync,http,gopher",
        SWEDE,
        expect![[r#"
            # repo = fedora-40 arch = x86_64 country = SE country = DE country = global protocol = http protocol = rsync 
            http://one.se/fedora/40/x86_64/os/
            rsync://one.se/fedora/40/x86_64/os/
            http://two.se/pub/40/x86_64/os/
            rsync://six.rsync/fedora/40/x86_64/os/
            http://four.us/40/x86_64/os/
        "#]],
    );
}

#[test]
fn time_and_location_are_named() {
    check(
        Form::Mirrorlist,
        "repo=fedora-latest&arch=x86_64&time&location=lab",
        BRAZILIAN,
        expect![[r#"
            # repo = fedora-40 arch = x86_64 Using location lab country = global 
            # database creation time: 1700000000
            http://four.us/40/x86_64/os/
            https://one.se/fedora/40/x86_64/os/
            https://three.de/x&y/40/x86_64/os/
            http://two.se/pub/40/x86_64/os/
        "#]],
    );
}

#[test]
fn a_path_may_be_a_directory_or_a_file_in_one() {
    check(
        Form::Mirrorlist,
        "path=//pub/fedora//40/x86_64/os/&country=de",
        SWEDE,
        expect![[r#"
        # path = pub/fedora/40/x86_64/os country = DE 
        https://three.de/x&y/40/x86_64/os/
    "#]],
    );
    check(
        Form::Mirrorlist,
        "path=pub/fedora/a%20b/c%0a+%3f.iso&country=de",
        SWEDE,
        expect![[r#"
        # path = pub/fedora/a b/c+?.iso country = DE 
        https://three.de/x&y/a%20b/c%0A+%3F.iso
    "#]],
    );
}

#[test]
fn a_metalink_lists_every_url_with_falling_preference() {
    check(
        Form::Metalink,
        "repo=fedora-40&arch=x86_64",
        SWEDE,
        expect![[r#"
        <?xml version="1.0" encoding="utf-8"?>
        <metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" pubdate="Tue, 14 Nov 2023 22:30:00 GMT" generator="mirrormanager" xmlns:mm0="http://fedorahosted.org/mirrormanager">
         <files>
          <file name="repomd.xml">
           <mm0:timestamp>1700000000</mm0:timestamp>
           <size>4100</size>
           <verification>
            <hash type="md5">00000000000000000000000000000000</hash>
            <hash type="sha256">0000000000000000000000000000000000000000000000000000000000000000</hash>
           </verification>
           <mm0:alternates>
            <mm0:alternate>
             <mm0:timestamp>1699999999</mm0:timestamp>
             <size>4101</size>
             <verification>
              <hash type="md5">00000000000000000000000000000001</hash>
              <hash type="sha256">0000000000000000000000000000000000000000000000000000000000000001</hash>
             </verification>
            </mm0:alternate>
           </mm0:alternates>
           <resources maxconnections="1">
            <url protocol="https" type="https" location="SE" preference="100">https://one.se/fedora/40/x86_64/os/repodata/repomd.xml</url>
            <url protocol="http" type="http" location="SE" preference="100">http://one.se/fedora/40/x86_64/os/repodata/repomd.xml</url>
            <url protocol="rsync" type="rsync" location="SE" preference="100">rsync://one.se/fedora/40/x86_64/os/repodata/repomd.xml</url>
            <url protocol="http" type="http" location="SE" preference="99">http://two.se/pub/40/x86_64/os/repodata/repomd.xml</url>
            <url protocol="ftp" type="ftp" location="SE" preference="99">ftp://two.se/pub/40/x86_64/os/repodata/repomd.xml</url>
            <url protocol="https" type="https" location="DE" preference="98">https://three.de/x&amp;y/40/x86_64/os/repodata/repomd.xml</url>
            <url protocol="https" type="https" location="DE" preference="98">https://again.three.de/40/x86_64/os/repodata/repomd.xml</url>
            <url protocol="rsync" type="rsync" location="DE" preference="97">rsync://six.rsync/fedora/40/x86_64/os/repodata/repomd.xml</url>
            <url protocol="http" type="http" location="US" preference="96">http://four.us/40/x86_64/os/repodata/repomd.xml</url>
           </resources>
          </file>
         </files>
        </metalink>
    "#]],
    );
}

#[test]
fn private_mirrors_are_marked_in_a_metalink() {
    check(
        Form::Metalink,
        "repo=fedora-40&arch=x86_64&protocol=http",
        INSIDER,
        expect![[r#"
        <?xml version="1.0" encoding="utf-8"?>
        <metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" pubdate="Tue, 14 Nov 2023 22:30:00 GMT" generator="mirrormanager" xmlns:mm0="http://fedorahosted.org/mirrormanager">
         <files>
          <file name="repomd.xml">
           <mm0:timestamp>1700000000</mm0:timestamp>
           <size>4100</size>
           <verification>
            <hash type="md5">00000000000000000000000000000000</hash>
            <hash type="sha256">0000000000000000000000000000000000000000000000000000000000000000</hash>
           </verification>
           <mm0:alternates>
            <mm0:alternate>
             <mm0:timestamp>1699999999</mm0:timestamp>
             <size>4101</size>
             <verification>
              <hash type="md5">00000000000000000000000000000001</hash>
              <hash type="sha256">0000000000000000000000000000000000000000000000000000000000000001</hash>
             </verification>
            </mm0:alternate>
           </mm0:alternates>
           <resources maxconnections="1">
            <url protocol="http" type="http" location="US" preference="100">http://four.us/40/x86_64/os/repodata/repomd.xml</url>
            <url protocol="http" type="http" location="US" preference="99" mm0:private="True">http://inside.us/mirror/40/x86_64/os/repodata/repomd.xml</url>
            <url protocol="http" type="http" location="SE" preference="98">http://one.se/fedora/40/x86_64/os/repodata/repomd.xml</url>
            <url protocol="http" type="http" location="SE" preference="97">http://two.se/pub/40/x86_64/os/repodata/repomd.xml</url>
           </resources>
          </file>
         </files>
        </metalink>
    "#]],
    );
}

#[test]
fn metalinks_of_paths_need_details() {
    check(
        Form::Metalink,
        "path=pub/fedora/40/x86_64/os/repodata/repomd.xml&protocol=https&country=de",
        GERMAN,
        expect![[r#"
            <?xml version="1.0" encoding="utf-8"?>
            <metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" pubdate="Tue, 14 Nov 2023 22:30:00 GMT" generator="mirrormanager" xmlns:mm0="http://fedorahosted.org/mirrormanager">
             <files>
              <file name="repomd.xml">
               <mm0:timestamp>1700000000</mm0:timestamp>
               <size>4100</size>
               <verification>
                <hash type="md5">00000000000000000000000000000000</hash>
                <hash type="sha256">0000000000000000000000000000000000000000000000000000000000000000</hash>
               </verification>
               <mm0:alternates>
                <mm0:alternate>
                 <mm0:timestamp>1699999999</mm0:timestamp>
                 <size>4101</size>
                 <verification>
                  <hash type="md5">00000000000000000000000000000001</hash>
                  <hash type="sha256">0000000000000000000000000000000000000000000000000000000000000001</hash>
                 </verification>
                </mm0:alternate>
               </mm0:alternates>
               <resources maxconnections="1">
                <url protocol="https" type="https" location="DE" preference="100">https://three.de/x&amp;y/40/x86_64/os/repodata/repomd.xml</url>
               </resources>
              </file>
             </files>
            </metalink>
        "#]],
    );
    check(
        Form::Metalink,
        "path=pub/fedora/40/x86_64/os/repodata/--><x>",
        GERMAN,
        expect![[r#"
        <?xml version="1.0" encoding="utf-8"?>
        <metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" pubdate="Tue, 14 Nov 2023 22:30:00 GMT" generator="mirrormanager" xmlns:mm0="http://fedorahosted.org/mirrormanager">
        <!-- pub/fedora/40/x86_64/os/repodata/- -&gt;&lt;x&gt; not found or has no metalink -->
        </metalink>
    "#]],
    );
}
