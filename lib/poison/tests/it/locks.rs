//! The same two-step change inside every kind of lock, and inside none.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;

use heliostat_poison::{Access, Cause, Error, Guard, Poison};

use crate::drive::{unwind, unwinds};

type Stock = Poison<(u32, u32)>;

const STOCK: Stock = Poison::new("stock", (10, 0));

/// Moves three, panicking half way if asked; through whatever gives access.
fn transfer(stock: impl Access<Data = (u32, u32)>, panics: bool) -> Result<(), Error> {
    let mut pair = Guard::arm(stock)?;
    pair.0 -= 3;
    if panics {
        unwind();
    }
    pair.1 += 3;
    pair.disarm();
    Ok(())
}

/// A transfer, one that panics, one that is refused; then the repair.
macro_rules! check {
    ($lock:expr) => {
        transfer($lock, false).unwrap();
        assert!(unwinds(|| transfer($lock, true)));
        let error = transfer($lock, false).unwrap_err();
        let cause = if cfg!(feature = "std") { Cause::Panicked } else { Cause::Abandoned };
        assert_eq!(error.cause(), cause);
        assert_eq!($lock.recover(|pair, _| pair.1 = 10 - pair.0).unwrap(), error);
        transfer($lock, false).unwrap();
        assert_eq!($lock.data().unwrap(), &(1, 9));
    };
}

#[test]
fn no_lock() {
    let mut stock = STOCK;
    check!(&mut stock);
}

#[test]
fn a_box() {
    let mut stock = Box::new(STOCK);
    check!(&mut *stock);
}

#[test]
fn ref_cell() {
    let stock = RefCell::new(STOCK);
    check!(stock.borrow_mut());
}

#[test]
fn std_mutex() {
    static STOCKS: Mutex<Stock> = Mutex::new(STOCK);
    check!(STOCKS.lock().unwrap_or_else(PoisonError::into_inner));
}

#[test]
fn std_rw_lock() {
    let stock = RwLock::new(STOCK);
    check!(stock.write().unwrap_or_else(PoisonError::into_inner));
    let read = stock.read().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(read.data().unwrap(), &(1, 9));
}

#[test]
fn parking_lot_mutex() {
    static STOCKS: parking_lot::Mutex<Stock> = parking_lot::Mutex::new(STOCK);
    check!(STOCKS.lock());
}

#[test]
fn tokio_mutex() {
    static STOCKS: tokio::sync::Mutex<Stock> = tokio::sync::Mutex::const_new(STOCK);
    check!(STOCKS.try_lock().unwrap());
}

#[test]
fn a_guard_that_owns_its_lock_crosses_threads() {
    let stock = Arc::new(tokio::sync::Mutex::new(STOCK));
    let mut pair = Guard::arm(stock.clone().try_lock_owned().unwrap()).unwrap();
    pair.0 -= 3;
    assert!(stock.try_lock().is_err());
    thread::spawn(move || {
        pair.1 += 3;
        pair.disarm();
    })
    .join()
    .unwrap();
    assert_eq!(stock.try_lock().unwrap().data().unwrap(), &(7, 3));
}

#[test]
fn the_data_is_marked_before_the_lock_is_released() {
    let stock = Arc::new(parking_lot::Mutex::new(STOCK));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let stock = stock.clone();
            thread::spawn(move || {
                let mut refused = 0;
                for n in 0..200 {
                    match Guard::arm(stock.lock()) {
                        Ok(mut pair) if n % 3 == 0 => pair.0 += 1, // and dropped
                        Ok(mut pair) => {
                            pair.0 += 1;
                            pair.1 += 1;
                            pair.disarm();
                        }
                        Err(_) => {
                            refused += 1;
                            stock.lock().recover(|pair, _| *pair = (10, 0));
                        }
                    }
                    if let Ok(pair) = stock.lock().data() {
                        assert_eq!(pair.0 - pair.1, 10, "torn data was let through");
                    }
                }
                refused
            })
        })
        .collect();
    let refused: u32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert!(refused > 0);
}

#[test]
fn data_without_a_size() {
    let mut poison: Box<Poison<[u8]>> = Box::new(Poison::new("bytes", [1, 2, 3]));
    poison.change(|bytes| bytes.try_into().map(|_: &mut [u8; 3]| ()).map_err(into)).unwrap();
    let mut bytes = poison.check_and_arm().unwrap();
    bytes.reverse();
    bytes.disarm();
    assert_eq!(poison.data().unwrap(), [3, 2, 1]);

    fn into(error: std::array::TryFromSliceError) -> Box<dyn std::error::Error> {
        error.into()
    }
}
