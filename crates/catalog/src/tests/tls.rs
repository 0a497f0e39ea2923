//! PostgreSQL over TLS, with certificates of the test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use heliostat_testing_e2e as rig;
use postgres::NoTls;

use super::NOW;
use crate::engine::{Engine, Postgres, Purpose};
use crate::{Catalog, Error, Place};

#[test]
fn a_server_is_believed_as_the_url_says() {
    if let Some(why) = rig::missing(&["openssl"]) {
        return rig::skip("PostgreSQL over TLS", &why).unwrap();
    }
    let mut server = match rig::Postgres::start().unwrap() {
        Ok(server) => server,
        Err(why) => return rig::skip("PostgreSQL over TLS", &why).unwrap(),
    };
    let papers = Papers::make();
    insists(&mut server, &papers);
    let case = |host: &str, parameters: &str| encrypted(&server, host, parameters);
    let [root, other] = ["root", "other"].map(|name| format!("sslrootcert={}", papers.url(name)));

    // Nobody is asked for papers.
    for parameters in ["", "sslmode=allow", "sslmode=prefer", "sslmode=require"] {
        assert_eq!(case("127.0.0.1", parameters).as_deref(), Ok("t"), "{parameters}");
    }
    let refused = case("localhost", "sslmode=disable").unwrap_err();
    assert!(refused.contains("no encryption"), "{refused}");

    let full = format!("sslmode=verify-full&{root}&connect_timeout=5");
    assert_eq!(case("localhost", &full).as_deref(), Ok("t"));
    let stranger = case("127.0.0.1", &full).unwrap_err();
    assert!(stranger.contains("not valid for name"), "{stranger}");
    assert_eq!(case("127.0.0.1", &format!("sslmode=verify-ca&{root}")).as_deref(), Ok("t"));
    // As with psql, a root makes `require` ask for papers.
    for mode in ["require", "verify-ca", "verify-full"] {
        let forged = case("localhost", &format!("sslmode={mode}&{other}")).unwrap_err();
        assert!(forged.contains("UnknownIssuer"), "{mode}: {forged}");
    }
    assert_eq!(case("localhost", &format!("sslmode=prefer&{other}")).as_deref(), Ok("t"));
    let public = case("localhost", "sslrootcert=system").unwrap_err();
    assert!(public.contains("certificate"), "{public}");

    // The whole catalog, by way of a percent-encoded name.
    let url = server.network_url("localhost", PASSWORD, "postgres");
    let place = Place::Server(format!("{url}?{full}"));
    Catalog::create(&place, NOW).unwrap();
    assert!(!place.to_string().contains(PASSWORD));
    Catalog::open(&place, NOW).unwrap().read(|view| view.site_list()).unwrap();
}

#[test]
fn a_certificate_that_vouches_for_itself_is_believed_when_it_is_in_the_file() {
    if let Some(why) = rig::missing(&["openssl"]) {
        return rig::skip("PostgreSQL with a certificate of its own", &why).unwrap();
    }
    let mut server = match rig::Postgres::start().unwrap() {
        Ok(server) => server,
        Err(why) => return rig::skip("PostgreSQL with a certificate of its own", &why).unwrap(),
    };
    let papers = Papers::make();
    insists(&mut server, &papers);
    server.write("server.crt", &papers.read("own.crt")).unwrap();
    server.write("server.key", &papers.read("own.key")).unwrap();
    // Who has papers may come in without a password, and nobody else may.
    server.write("root.crt", &papers.read("root.crt")).unwrap();
    server.write("pg_hba.conf", b"local all all trust\nhostssl all all all cert\n").unwrap();
    server.write("postgresql.auto.conf", b"ssl = on\nssl_ca_file = 'root.crt'\n").unwrap();
    server.cut();
    server.resume().unwrap();
    let case = |host: &str, parameters: &str| encrypted(&server, host, parameters);
    let own = format!("sslrootcert={}", papers.url("own"));
    let shown = format!(
        "sslcert={}&sslkey={}",
        papers.url("client"),
        papers.url("client").replace("crt", "key")
    );
    for (host, mode) in [("localhost", "verify-full"), ("127.0.0.1", "verify-ca")] {
        let parameters = format!("sslmode={mode}&{own}&{shown}");
        assert_eq!(case(host, &parameters).as_deref(), Ok("t"), "{mode}");
    }
    let stranger = case("127.0.0.1", &format!("sslmode=verify-full&{own}&{shown}")).unwrap_err();
    assert!(stranger.contains("not valid for name"), "{stranger}");
    let nobody = case("localhost", &format!("sslmode=verify-full&{own}")).unwrap_err();
    assert!(nobody.contains("certificate"), "{nobody}");
}

/// What makes no sense is said before anybody is asked.
#[test]
fn parameters_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.crt");
    fs::write(&empty, "nothing\n").unwrap();
    let empty = empty.display();
    for (parameters, why) in [
        ("sslmode=full".to_owned(), "sslmode=full is none of disable, allow, prefer, require"),
        (
            "sslrootcert=system&sslmode=require".to_owned(),
            "sslrootcert=system needs sslmode=verify",
        ),
        ("sslmode=require&sslrootcert=/no/such.crt".to_owned(), "/no/such.crt: No such file"),
        (format!("sslmode=verify-ca&sslrootcert={empty}"), "there is no certificate in it"),
        ("sslmode=require&sslcert=/a.crt".to_owned(), "sslcert and sslkey go together"),
        ("sslmode=require&sslcert=/a.crt&sslkey=/a.key".to_owned(), "sslcert /a.crt: No such"),
    ] {
        let url = format!("postgres://heliostat:hush@localhost:1/postgres?{parameters}");
        let error = Catalog::open(&Place::Server(url), NOW).unwrap_err();
        assert!(matches!(error, Error::Tls { .. }), "{parameters}: {error:?}");
        let said = error.to_string();
        assert!(said.contains(why) && !said.contains("hush"), "{parameters}: {said}");
    }
}

/// Lets nobody in over the network but encrypted and with the password.
fn insists(server: &mut rig::Postgres, papers: &Papers) {
    let mut client = postgres::Client::connect(&server.url("postgres"), NoTls).unwrap();
    client.batch_execute(&format!("ALTER ROLE heliostat PASSWORD '{PASSWORD}'")).unwrap();
    drop(client);
    server.write("server.crt", &papers.read("server.crt")).unwrap();
    server.write("server.key", &papers.read("server.key")).unwrap();
    let rules = b"local all all trust\nhostssl all all all scram-sha-256\n";
    server.write("pg_hba.conf", rules).unwrap();
    server.write("postgresql.auto.conf", b"ssl = on\n").unwrap();
    server.listen();
    server.cut();
    server.resume().unwrap();
}

/// Connects, and asks whether the connection is encrypted.
fn encrypted(server: &rig::Postgres, host: &str, parameters: &str) -> Result<String, String> {
    let url = format!("{}?{parameters}", server.network_url(host, PASSWORD, "postgres"));
    let said = |error: Error| {
        let mut said = error.to_string();
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
        while let Some(error) = cause {
            said += &format!(": {error}");
            cause = error.source();
        }
        said
    };
    let mut engine = Engine::Postgres(Postgres::connect(&url).map_err(said)?);
    let mut session = engine.begin(Purpose::Read).map_err(said)?;
    let sql = "SELECT left(ssl::text, 1) FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    Ok(session.query(sql, &[], |row| row.cell(0)).map_err(said)?.remove(0))
}

/// Certificates and their keys.
struct Papers(tempfile::TempDir);

impl Papers {
    fn make() -> Papers {
        let papers = Papers(tempfile::tempdir().unwrap());
        let name = "subjectAltName=DNS:localhost";
        papers.sign("root", "/CN=Root", &[]);
        papers.sign("other", "/CN=Other", &[]);
        papers.sign("own", "/CN=localhost", &["-addext", name]);
        let by_root = ["-CA", "root.crt", "-CAkey", "root.key"];
        let end = ["-addext", "basicConstraints=critical,CA:FALSE"];
        let server = [&by_root[..], &end, &["-addext", name]].concat();
        papers.sign("server", "/CN=localhost", &server);
        papers.sign("client", "/CN=heliostat", &[&by_root[..], &end].concat());
        papers
    }

    fn sign(&self, name: &str, subject: &str, more: &[&str]) {
        let mut openssl = Command::new("openssl");
        openssl.current_dir(self.0.path()).args(["req", "-x509", "-newkey", "ec", "-nodes"]);
        openssl.args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2", "-subj", subject]);
        openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.crt")]);
        let made = openssl.args(more).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.path(file)).unwrap()
    }

    /// A certificate's path, as a URL has it.
    fn url(&self, name: &str) -> String {
        Path::display(&self.path(&format!("{name}.crt"))).to_string().replace('/', "%2F")
    }
}

const PASSWORD: &str = "hush-hush";
