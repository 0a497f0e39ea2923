//! A folder as a store, and an object store against a real service; servers that follow either are
//! tested in `testing/e2e`.

use std::fs;
use std::os::unix::fs::symlink;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use heliostat_model::World;
use heliostat_snapshot::Snapshot;
use heliostat_testing_e2e as rig;

use crate::follow::pause;
use crate::pointer::Pointer;
use crate::{Access, Cache, Error, Follower, LINK, Location, POINTER, Seen, Store, Work};

fn store(folder: &Path) -> Store {
    Store::new(&Location::Folder(folder.to_owned()), &Access::default()).unwrap()
}

fn work(keep: usize, fence: u64) -> Work {
    Work { now_unix_s: 9, keep, fence, catalog: Some(format!("catalog:{fence}")) }
}

fn publish(store: &Store, created_unix_s: u64, keep: usize, fence: u64) -> Result<u64, Error> {
    let world = World::new("test", created_unix_s);
    let published = store.publish(&world, &work(keep, fence), |_| {})?;
    assert!(published.unswept.is_none());
    Ok(published.generation.generation)
}

fn pointer(store: &Store) -> Pointer {
    store.pointer().unwrap().unwrap().0
}

fn numbers(store: &Store) -> Vec<u64> {
    pointer(store).generations.iter().map(|one| one.generation).collect()
}

/// What a server sees that is given the link.
fn linked(folder: &Path) -> u64 {
    Snapshot::open(&folder.join(LINK)).unwrap().header().generation.get()
}

#[test]
fn generations_rise_and_the_last_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("new/folder");
    let store = store(&folder);
    assert!(store.pointer().is_err(), "a folder that is not there is not an empty store");
    for generation in 1..=5 {
        assert_eq!(publish(&store, generation, 3, 1).unwrap(), generation);
        assert_eq!(linked(&folder), generation);
    }
    assert_eq!(numbers(&store), [3, 4, 5]);
    assert_eq!(pointer(&store).catalog.as_deref(), Some("catalog:1"));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 6, "three files, pointer, link and lock");
}

#[test]
fn a_rollback_is_a_new_generation_of_old_data() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    for created in [10, 20, 30] {
        publish(&store, created, 5, 1).unwrap();
    }
    assert_eq!(store.rollback(1, 5, 99).unwrap(), 4);
    let snapshot = Snapshot::open(&folder.path().join(LINK)).unwrap();
    let header = snapshot.header();
    assert_eq!((header.generation.get(), header.created_unix_s.get()), (4, 10));
    assert_eq!(pointer(&store).again, Some(1));
    assert_eq!(pointer(&store).catalog.as_deref(), Some("catalog:1"), "no reason to publish");
    let unknown = store.rollback(9, 5, 99).unwrap_err();
    assert!(matches!(unknown, Error::Unknown { generation: 9, .. }), "{unknown}");
    fs::write(folder.path().join(&pointer(&store).generations[1].file), "damaged").unwrap();
    let damaged = store.rollback(2, 5, 99).unwrap_err();
    assert!(matches!(damaged, Error::Damaged { generation: 2, .. }), "{damaged}");
    assert_eq!((linked(folder.path()), publish(&store, 40, 5, 1).unwrap()), (4, 5));
    assert_eq!(pointer(&store).again, None);
}

/// A crash leaves files that no pointer names: their numbers are used again, and they go.
#[test]
fn a_file_that_no_pointer_names_is_no_generation() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    publish(&store, 1, 2, 1).unwrap();
    for left in [
        "heliostat.2.0123456789abcdef.snapshot",
        ".heliostat.2.77.making",
        "..heliostat.1.77.making.12.tmp",
        "heliostat.3.0123456789abcdef.snapshot",
        "heliostat.notes.txt",
    ] {
        fs::write(folder.path().join(left), "half").unwrap();
    }
    assert_eq!(publish(&store, 2, 2, 1).unwrap(), 2);
    let there = |name: &str| folder.path().join(name).exists();
    assert!(!there(".heliostat.2.77.making") && !there("..heliostat.1.77.making.12.tmp"));
    assert!(!there("heliostat.2.0123456789abcdef.snapshot"));
    // It may be somebody's who is about to become the next; and what is not ours stays.
    assert!(there("heliostat.3.0123456789abcdef.snapshot") && there("heliostat.notes.txt"));
    assert_eq!(numbers(&store), [1, 2]);
}

#[test]
fn without_a_pointer_numbers_still_rise() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    publish(&store, 1, 5, 1).unwrap();
    publish(&store, 2, 5, 1).unwrap();
    fs::remove_file(folder.path().join(POINTER)).unwrap();
    assert_eq!(publish(&store, 3, 5, 1).unwrap(), 3);
    // With everything lost, what the catalog remembers keeps nodes from waiting for old numbers.
    fs::remove_dir_all(folder.path()).unwrap();
    assert_eq!(publish(&store, 4, 5, 7).unwrap(), 7);
    assert_eq!(publish(&store, 5, 5, 8).unwrap(), 8);
}

/// A crash between pointer and link: the next one who publishes moves the link first.
#[test]
fn a_link_that_was_left_behind_is_moved() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    publish(&store, 1, 5, 1).unwrap();
    publish(&store, 2, 5, 1).unwrap();
    fs::remove_file(folder.path().join(LINK)).unwrap();
    symlink(&pointer(&store).generations[0].file, folder.path().join(LINK)).unwrap();
    store.settle().unwrap();
    assert_eq!(linked(folder.path()), 2);
}

/// Somebody published while a world was compiled: what they published stays.
#[test]
fn whoever_is_overtaken_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    publish(&store, 1, 5, 1).unwrap();
    let mut overtaken = false;
    let slow = store.publish(&World::new("slow", 5), &work(5, 1), |stage| {
        if stage == "storing" && !std::mem::replace(&mut overtaken, true) {
            publish(&store, 2, 5, 1).unwrap();
        }
    });
    assert!(matches!(slow.unwrap_err(), Error::Overtaken));
    assert_eq!((numbers(&store), linked(folder.path())), (vec![1, 2], 2));
    assert_eq!(publish(&store, 3, 5, 1).unwrap(), 3);
}

/// A publisher whose lease ran out while it slept cannot write, not even before its successor has
/// published anything: the successor's fence is in the pointer.
#[test]
fn a_larger_fence_wins_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    publish(&store, 1, 5, 1).unwrap();
    let asleep = store.publish(&World::new("asleep", 5), &work(5, 1), |stage| {
        if stage == "storing" {
            // The successor begins, and is killed before it has made anything.
            let begins =
                || store.publish(&World::new("heir", 6), &work(5, 2), |_| panic!("killed"));
            catch_unwind(AssertUnwindSafe(begins)).unwrap_err();
        }
    });
    assert!(matches!(asleep.unwrap_err(), Error::Overtaken));
    let fenced = publish(&store, 5, 5, 1).unwrap_err();
    assert!(matches!(fenced, Error::Fenced { ours: 1, theirs: 2 }), "{fenced}");
    assert_eq!(numbers(&store), [1]);
    assert_eq!(publish(&store, 6, 5, 2).unwrap(), 2);
}

#[test]
fn pointers_of_strangers_are_refused() {
    let good = |file: &str| {
        let hash = "0".repeat(64);
        format!(
            r#"{{"format":1,"fence":1,"generations":[{{"generation":1,"file":"{file}",
            "file_bytes":1,"content_hash":"{hash}","created_unix_s":1,"published_unix_s":1}}]}}"#
        )
    };
    let name = "heliostat.1.0123456789abcdef.snapshot";
    let read = |text: &str| Pointer::read(text.as_bytes());
    assert_eq!(read(&good(name)).unwrap().newest().unwrap().generation, 1);
    for file in [
        "../../etc/passwd",
        "heliostat.2.0123456789abcdef.snapshot",
        "heliostat.1.0123456789abcdef.snapshot/../x",
        "heliostat.+1.0123456789abcdef.snapshot",
        "heliostat.1./../../../../x.snapshot",
        "",
    ] {
        assert!(read(&good(file)).is_err(), "{file}");
    }
    for text in ["", "{}", "[]", "\u{0}", "{\"format\":2,\"fence\":1,\"generations\":[]}"] {
        assert!(read(text).is_err(), "{text}");
    }
    assert!(read(&" ".repeat(2 << 20)).is_err());
}

#[test]
fn a_pointer_that_is_known_is_not_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    assert_eq!(store.look(None).unwrap(), Seen::Missing);
    publish(&store, 1, 5, 1).unwrap();
    let Seen::New(_, version) = store.look(None).unwrap() else { panic!("no pointer") };
    assert_eq!(store.look(Some(&version)).unwrap(), Seen::Same);
    publish(&store, 2, 5, 1).unwrap();
    assert!(matches!(store.look(Some(&version)).unwrap(), Seen::New(..)));
}

/// What a service itself must do: say who was first, and give back what was put.
#[test]
fn a_bucket_keeps_files_whole_and_says_who_was_first() {
    for kind in rig::Service::ALL {
        let service = match rig::S3::start_as(kind).unwrap() {
            Ok(service) => service,
            Err(why) => {
                rig::skip("a bucket as a store", &why).unwrap();
                continue;
            }
        };
        eprintln!("{kind:?}");
        let heeds = bucket(&service, false).replace(None, &Pointer::EMPTY);
        if kind == rig::Service::S3rver {
            let error = heeds.unwrap_err().to_string();
            assert!(error.contains("it overwrites whatever") && error.contains("--s3-uncond"));
            assert_eq!(bucket(&service, false).look(None).unwrap(), Seen::Missing);
        } else {
            heeds.unwrap();
            whoever_was_first(&bucket(&service, false), kind);
        }
        // With one publisher at a time every service will do.
        let store = bucket(&service, true);
        if kind == rig::Service::S3rver {
            store.replace(None, &Pointer::EMPTY).unwrap();
        }
        whoever_was_first(&store, kind);
        files_stay_whole(&store);
    }
}

fn bucket(service: &rig::S3, unconditional: bool) -> Store {
    let bucket = Location::Bucket { bucket: rig::S3::BUCKET.to_owned(), prefix: String::new() };
    let endpoint = Some(format!("http://{}", service.address));
    let access = Access { endpoint, credentials: Some(service.credentials()), unconditional };
    Store::new(&bucket, &access).unwrap()
}

/// Whoever has not seen what is there replaces nothing.
fn whoever_was_first(store: &Store, kind: rig::Service) {
    let Seen::New(found, first) = store.look(None).unwrap() else { panic!("no pointer") };
    let other = Pointer { fence: found.fence + 7, ..Pointer::EMPTY };
    assert!(matches!(store.replace(None, &other).unwrap_err(), Error::Overtaken), "{kind:?}");
    // An answer that was lost: the same request again finds itself.
    assert_eq!(store.replace(None, &found).unwrap(), first);
    assert_eq!(store.look(Some(&first)).unwrap(), Seen::Same);
    let second = store.replace(Some(&first), &other).unwrap();
    assert_eq!(store.replace(Some(&first), &other).unwrap(), second);
    let late = Pointer { fence: 1, ..Pointer::EMPTY };
    assert!(matches!(store.replace(Some(&first), &late).unwrap_err(), Error::Overtaken));
    assert_eq!(store.look(Some(&first)).unwrap(), Seen::New(other, second));
}

fn files_stay_whole(store: &Store) {
    // More than two pieces, and a name that is not ours beside it.
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> =
        (0..20_000_000u32).map(|at| (at.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
    let (file, strange) = ("heliostat.1.0123456789abcdef.snapshot", "notes.txt");
    for (name, bytes) in [(file, &bytes[..]), (strange, b"notes")] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        store.put(&path, name).unwrap();
        assert!(!path.exists());
    }
    assert_eq!(store.names().unwrap(), [file]);
    let fetched = folder.path().join("fetched");
    let get = |bytes_max: u64| {
        store.get(file, bytes_max, &mut fs::File::create(&fetched).unwrap()).unwrap();
        fs::read(&fetched).unwrap()
    };
    assert!(get(u64::MAX) == bytes);
    assert_eq!(get(3), bytes[..3], "no more than the pointer says");
    store.remove(&[file.to_owned(), "heliostat.9.0123456789abcdef.snapshot".to_owned()]).unwrap();
    assert!(store.names().unwrap().is_empty());
    assert!(store.get(file, 1, &mut fs::File::create(&fetched).unwrap()).is_err());
}

/// Looks until something is so.
fn until(what: &str, mut look: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !look() {
        assert!(begun.elapsed() < Duration::from_secs(60), "in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn follow(folder: &Path, cache: &Path) -> Follower {
    let cache = Cache::open(cache).unwrap();
    Follower::start(store(folder), cache, Duration::from_millis(5)).unwrap()
}

#[test]
fn whoever_follows_gets_every_new_generation_and_keeps_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let (there, here) = (folder.path().join("there"), folder.path().join("here"));
    let store = store(&there);
    publish(&store, 1, 5, 1).unwrap();
    let follower = follow(&there, &here);
    let status = follower.status().clone();
    until("generation 1", || status.generations() == (1, 1));
    assert_eq!(linked(&here), 1);
    assert!(matches!(Cache::open(&here).unwrap_err(), Error::CacheInUse { .. }));
    store.rollback(1, 5, 9).unwrap();
    until("generation 2", || status.generations() == (2, 2));
    // The store goes; the copy stays, also for the next start.
    fs::rename(&there, folder.path().join("gone")).unwrap();
    until("a failed look", || status.looks().1 > 0);
    follower.stop();
    until("the end", || Cache::open(&here).is_ok());
    let follower = follow(&there, &here);
    assert_eq!(follower.status().generations(), (2, 0));
    assert_eq!(linked(&here), 2);
    // It comes back, and goes on.
    fs::rename(folder.path().join("gone"), &there).unwrap();
    publish(&store, 3, 5, 1).unwrap();
    let status = follower.status().clone();
    until("generation 3", || {
        follower.look_again();
        status.generations() == (3, 3)
    });
    assert!(status.contact_unix_s() > 0 && status.store().ends_with("there"));
    follower.stop();
}

#[test]
fn nobody_goes_back_and_nobody_takes_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let (there, here) = (folder.path().join("there"), folder.path().join("here"));
    let ahead = store(&there);
    for created in 1..=3 {
        publish(&ahead, created, 5, 1).unwrap();
    }
    let follower = follow(&there, &here);
    let status = follower.status().clone();
    until("generation 3", || status.generations().0 == 3);
    // Somebody puts an older state of the store in its place.
    let old = folder.path().join("old");
    publish(&store(&old), 1, 5, 1).unwrap();
    fs::rename(&there, folder.path().join("new")).unwrap();
    fs::rename(&old, &there).unwrap();
    until("a refusal", || status.brought().1 > 0);
    assert_eq!((status.generations().0, linked(&here)), (3, 3));
    fs::rename(&there, &old).unwrap();
    fs::rename(folder.path().join("new"), &there).unwrap();
    follower.stop();
    until("the end", || Cache::open(&here).is_ok());
    // A file that is not what the pointer says is not taken, whatever it is.
    publish(&ahead, 4, 5, 1).unwrap();
    let generations = pointer(&ahead).generations;
    fs::copy(there.join(&generations[0].file), there.join(&generations[3].file)).unwrap();
    let follower = follow(&there, &here);
    let status = follower.status().clone();
    until("another refusal", || status.brought().1 > 0);
    assert_eq!((status.generations(), linked(&here)), ((3, 4), 3));
    follower.stop();
}

#[test]
fn a_damaged_copy_is_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let (there, here) = (folder.path().join("there"), folder.path().join("here"));
    publish(&store(&there), 1, 5, 1).unwrap();
    fs::create_dir(&here).unwrap();
    fs::write(here.join(LINK), "half").unwrap();
    fs::write(here.join(format!(".{LINK}.making")), "less").unwrap();
    let cache = Cache::open(&here).unwrap();
    assert!(cache.copy().is_none() && !cache.path().exists());
    drop(cache);
    let follower = follow(&there, &here);
    until("generation 1", || follower.status().generations().0 == 1);
    assert_eq!(linked(&here), 1);
}

#[test]
fn pauses_grow_are_spread_and_end_somewhere() {
    let second = Duration::from_secs(1);
    assert_eq!(pause(second, 0, 0), second);
    assert!(pause(second, 0, u64::MAX) >= second.mul_f64(0.9));
    assert_eq!(pause(second, 3, 0), 8 * second);
    assert!(pause(second, 3, u64::MAX) >= 4 * second);
    assert_eq!(pause(second, u32::MAX, 0), Duration::from_secs(60));
    assert_eq!(pause(100 * second, u32::MAX, 0), 100 * second);
}

#[test]
fn locations_are_read_as_people_write_them() {
    let read = |text: &str| text.parse::<Location>().unwrap().to_string();
    assert_eq!(read("/var/lib/x"), "/var/lib/x");
    assert_eq!(read("file:///var/lib/x"), "/var/lib/x");
    assert_eq!(read("s3://bucket/some/prefix/"), "s3://bucket/some/prefix");
    assert_eq!(read("s3://bucket"), "s3://bucket");
}
