//! The lane keeps every link, whoever pushes and pops: by threads, and by loom under every order.

use super::*;

/// A link with a number, as a list's node is a link with a value.
#[repr(C)]
struct Numbered {
    link: Link,
    number: usize,
}

fn numbered(number: usize) -> *mut Link {
    Box::into_raw(Box::new(Numbered { link: Link::new(), number })).cast()
}

fn number(link: NonNull<Link>) -> usize {
    // SAFETY: every link in these tests is that of a leaked `Numbered`, taken once.
    unsafe { Box::from_raw(link.as_ptr().cast::<Numbered>()) }.number
}

fn push(lane: &Lane, n: usize) {
    // SAFETY: the link is new and stays live until it was taken.
    unsafe { lane.push(numbered(n)) };
}

fn rest(lane: &Lane) -> Vec<usize> {
    std::iter::from_fn(|| lane.pop().map(number)).collect()
}

#[cfg(not(loom))]
#[test]
fn last_in_is_first_out() {
    let lane = Lane::new();
    assert!(lane.pop().is_none());
    (0..5).for_each(|n| push(&lane, n));
    assert_eq!(lane.pop().map(number), Some(4));
    push(&lane, 9);
    assert_eq!(rest(&lane), [9, 3, 2, 1, 0]);
}

#[cfg(not(loom))]
#[test]
fn what_is_put_back_lies_under_what_is_newer() {
    let lane = Lane::new();
    (0..3).for_each(|n| push(&lane, n));
    let chain = lane.take().unwrap();
    (7..9).for_each(|n| push(&lane, n));
    // SAFETY: the chain was just taken.
    unsafe { lane.put_back(chain) };
    assert_eq!(rest(&lane), [8, 7, 2, 1, 0]);
}

#[cfg(not(loom))]
#[test]
fn threads_lose_nothing() {
    let rounds = if cfg!(miri) { 50 } else { 20_000 };
    let lane = Lane::new();
    (0..16).for_each(|n| push(&lane, n));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..rounds {
                    if let Some(link) = lane.pop() {
                        // SAFETY: the link was just taken.
                        unsafe { lane.push(link.as_ptr()) };
                    }
                }
            });
        }
    });
    let mut all = rest(&lane);
    all.sort_unstable();
    assert_eq!(all, (0..16).collect::<Vec<_>>());
}

#[cfg(loom)]
#[test]
fn loom_push_and_pop_keep_every_link() {
    loom::model(|| {
        let lane = loom::sync::Arc::new(Lane::new());
        push(&lane, 0);
        push(&lane, 1);
        let theirs = loom::sync::Arc::clone(&lane);
        let other = loom::thread::spawn(move || {
            push(&theirs, 2);
            theirs.pop().map(number)
        });
        let mine = lane.pop().map(number);
        let mut all: Vec<usize> = mine.into_iter().chain(other.join().unwrap()).collect();
        all.extend(rest(&lane));
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2]);
    });
}

#[cfg(loom)]
#[test]
fn loom_two_pops_never_get_the_same_link() {
    loom::model(|| {
        let lane = loom::sync::Arc::new(Lane::new());
        (0..3).for_each(|n| push(&lane, n));
        let theirs = loom::sync::Arc::clone(&lane);
        let other = loom::thread::spawn(move || theirs.pop().map(number));
        let mut all: Vec<usize> = lane.pop().map(number).into_iter().collect();
        all.extend(other.join().unwrap());
        all.extend(rest(&lane));
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2]);
    });
}
