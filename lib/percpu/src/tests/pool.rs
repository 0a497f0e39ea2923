//! A pool makes what it does not have, and gives it again.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn a_pool_makes_little_and_gives_often() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let pool: Pool<Vec<u8>> = Pool::new(|| {
        MADE.fetch_add(1, Ordering::Relaxed);
        Vec::with_capacity(64)
    });
    let rounds = if cfg!(miri) { 20 } else { 10_000 };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..rounds {
                    let mut buffer = pool.take();
                    buffer.clear();
                    buffer.push((n & 255) as u8);
                    assert_eq!(buffer.len(), 1);
                }
            });
        }
    });
    let made = MADE.load(Ordering::Relaxed);
    assert!(made < 4 * rounds, "{made} made");
    assert_eq!(pool.shrink().unwrap(), made);
    assert_eq!(pool.shrink().unwrap(), 0);
}
