//! One suite, on both engines.
//!
//! On SQLite each case is a test of its own. PostgreSQL runs all of them in one test, each in a
//! schema of its own, because starting a server takes longer than the whole suite.

/// What must hold, whatever the engine.
mod suite;
/// Accounts and tokens.
mod people;
/// Leases, and waiting for a change.
mod leases;
/// A program that is killed while it brings an older catalog forward.
mod killed;
/// Lists of mirrors.
mod lists;
/// MirrorManager's own database.
mod mirrormanager;
/// Releases, archives, emergencies.
mod release;
/// A cache, through the catalog, is the cache.
mod round_trip;
/// PostgreSQL over TLS.
mod tls;
/// States against a plain map.
mod states;
/// Products, looks, probes and what else is history.
mod history;

use heliostat_testing_e2e as rig;

use crate::{Actor, Catalog, Ending, Error, Place, Txn};

/// One case of the suite: it is given a place where nothing is.
type Case = (&'static str, fn(&Place));

fn actor() -> Actor {
    Actor { name: "test".to_owned(), now_unix_s: NOW }
}

fn catalog(place: &Place) -> Catalog {
    Catalog::create(place, NOW).unwrap()
}

/// Changes something, and is sure that it goes well.
fn write<T>(catalog: &mut Catalog, write: impl FnOnce(&mut Txn<'_>) -> Result<T, Error>) -> T {
    catalog.write(&actor(), Ending::Commit, write).unwrap().0
}

/// Tries to change something, and gives the reason why it was refused.
fn refused<T: std::fmt::Debug>(
    catalog: &mut Catalog,
    write: impl FnOnce(&mut Txn<'_>) -> Result<T, Error>,
) -> String {
    catalog.write(&actor(), Ending::Commit, write).unwrap_err().to_string()
}

/// Runs a case in a new file.
fn on_sqlite(case: fn(&Place)) {
    let folder = tempfile::tempdir().unwrap();
    case(&Place::File(folder.path().join("catalog.db")));
}

macro_rules! suite {
    ($($module:ident::$name:ident),* $(,)?) => {
        const CASES: &[Case] = &[$((stringify!($name), $module::$name)),*];

        mod sqlite {
            $(#[test]
            fn $name() {
                super::on_sqlite(super::$module::$name);
            })*
        }
    };
}

suite!(
    suite::a_catalog_is_made_once,
    suite::a_newer_catalog_is_refused_and_untouched,
    suite::somebody_elses_database_is_refused,
    suite::an_older_catalog_comes_forward,
    suite::countries_come_and_go,
    suite::sites_come_and_go,
    suite::hosts_come_and_go,
    suite::a_host_that_makes_no_sense_is_refused,
    suite::states_survive_an_edit_of_their_host,
    suite::redirects_do_not_lead_in_circles,
    suite::names_lead_elsewhere_and_are_switched_off,
    suite::locations_name_hosts,
    suite::netblocks_are_canonical,
    suite::hostile_texts_are_only_texts,
    suite::bad_names_are_refused_everywhere,
    suite::directories_do_not_lead_out,
    suite::every_change_is_in_the_trail,
    suite::a_dry_run_changes_nothing,
    suite::a_failed_change_leaves_nothing,
    suite::a_reader_sees_one_moment,
    suite::who_is_switched_off_is_not_in_the_world,
    suite::an_import_leaves_people_alone,
    suite::routes_are_kept_compactly,
    suite::the_schema_guards_itself,
    people::accounts_come_and_go,
    people::people_and_passwords_speak_for_sites,
    people::the_last_check_in_of_a_host_is_kept,
    people::passwords_are_known_again_and_kept_nowhere,
    people::tokens_are_known_again_and_kept_nowhere,
    leases::a_lease_is_one_holders_at_a_time,
    leases::a_lease_runs_out,
    leases::holders_race_and_no_fence_is_given_twice,
    leases::leases_wait_for_no_writer,
    leases::a_change_wakes_whoever_waits,
    killed::a_migration_killed_anywhere_is_done_or_undone,
    history::versions_come_and_go,
    history::looks_are_kept_as_they_were,
    history::a_bad_url_leaves_the_world_and_comes_back,
    history::the_last_mirrors_stay_however_bad,
    history::known_files_are_told_with_their_directories,
    history::probes_are_kept_and_forgotten,
    history::releases_spread,
    history::answers_add_up,
    history::files_are_kept_with_what_they_were,
    history::the_schema_guards_history,
    release::a_version_is_released_and_archived,
    release::an_emergency_leaves_the_newest_files,
    lists::a_list_is_known_again_by_its_names,
    lists::what_a_list_knows_of_people_is_set,
    lists::foreign_facts_are_refused_one_by_one,
    round_trip::a_generated_cache_comes_through,
    round_trip::any_cache_comes_through,
    round_trip::any_cache_replaces_any_other,
);

#[test]
fn postgres_passes_the_suite() {
    let server = match rig::Postgres::start().unwrap() {
        Ok(server) => server,
        Err(why) => return rig::skip("the catalog on PostgreSQL", &why).unwrap(),
    };
    let mut client = postgres::Client::connect(&server.url("postgres"), postgres::NoTls).unwrap();
    for (name, case) in CASES {
        eprintln!("{name}");
        case(&schema(&mut client, &server.url("postgres"), name));
    }
}

/// A new place on a server: a schema, because a database of its own is a thousand files. Names have at
/// most 63 bytes; those of cases are shorter.
fn schema(client: &mut postgres::Client, url: &str, name: &str) -> Place {
    client.batch_execute(&format!("CREATE SCHEMA {name}")).unwrap();
    let url = url.split('?').next().unwrap_or_default();
    Place::Server(format!("{url}?options=-csearch_path%3D{name}"))
}

const NOW: u64 = 1_800_000_000;
