//! The same scope in every mutex: std, `parking_lot`, tokio, and without any.
//!
//! One function does the change, through whatever gives access to the [`Poison`].
//!
//! `cargo run -p heliostat-poison --example mutexes`

#![expect(clippy::print_stdout, reason = "an example that shows what happens")]

use std::sync::PoisonError;

use heliostat_poison::{Access, Error, Guard, Poison};

type Stock = Poison<(u32, u32)>;

static STD: std::sync::Mutex<Stock> = std::sync::Mutex::new(Poison::new("in std", (10, 0)));
static PARKING_LOT: parking_lot::Mutex<Stock> =
    parking_lot::Mutex::new(Poison::new("in parking_lot", (10, 0)));
static TOKIO: tokio::sync::Mutex<Stock> =
    tokio::sync::Mutex::const_new(Poison::new("in tokio", (10, 0)));

/// Takes from the first, gives to the second; stops half way if the second has no room.
///
/// With `track_caller`, an error says who transferred, not that it was this function.
#[track_caller]
fn transfer(stock: impl Access<Data = (u32, u32)>, n: u32) -> Result<(u32, u32), Error> {
    let mut pair = Guard::arm(stock)?;
    pair.0 -= n;
    if pair.1 + n > 5 {
        return Err(pair.fail("no room"));
    }
    pair.1 += n;
    let sums = *pair;
    pair.disarm();
    Ok(sums)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut owned = Poison::new("in nothing", (10, 0));
    for n in [3, 4, 1] {
        // Three fit, four do not, and then the data is not touched any more.
        let unpoisoned = || STD.lock().unwrap_or_else(PoisonError::into_inner);
        println!("{n}: {}", shown(transfer(unpoisoned(), n)));
        println!("{n}: {}", shown(transfer(PARKING_LOT.lock(), n)));
        println!("{n}: {}", shown(transfer(TOKIO.lock().await, n)));
        println!("{n}: {}", shown(transfer(&mut owned, n)));
    }
}

fn shown(result: Result<(u32, u32), Error>) -> String {
    match result {
        Ok(pair) => format!("{pair:?}"),
        Err(error) => error.to_string(),
    }
}
