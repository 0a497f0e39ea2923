//! Poison around a two-step update: goods move between two places, and the total must not change.
//!
//! Each way in which a transfer can stop half way, what is known afterwards, and the way back.
//!
//! `cargo run -p heliostat-poison --example two_step`

#![expect(clippy::print_stdout, reason = "an example that shows what happens")]

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Poll;
use std::time::Duration;

use heliostat_poison::Poison;
use tokio::time::{sleep, timeout};

/// The sum of both is always [`TOTAL`], except in the middle of a transfer.
#[derive(Debug)]
struct Stock {
    shelf: u32,
    cart: u32,
}

const TOTAL: u32 = 10;

/// What may be in the way between the two steps.
#[derive(Clone, Copy, Debug)]
enum Accident {
    None,
    Wait,
    Panic,
    Failure,
}

type Failure = Box<dyn Error>;

async fn transfer(stock: &mut Poison<Stock>, accident: Accident) -> Result<u32, Failure> {
    stock
        .run(async |stock| {
            stock.shelf -= 1;
            match accident {
                Accident::None => {}
                Accident::Wait => sleep(Duration::from_secs(3600)).await,
                Accident::Panic => resume_unwind(Box::new("dropped it")),
                Accident::Failure => return Err("the cart is locked".into()),
            }
            stock.cart += 1;
            Ok(stock.cart)
        })
        .await
}

/// Counts again: the total is known, and the shelf can be seen.
fn recount(stock: &mut Poison<Stock>) {
    match stock.recover(|stock, _| stock.cart = TOTAL - stock.shelf) {
        Some(error) => println!("    recounted after: {error}"),
        None => println!("    nothing to recount"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut stock = Poison::new("stock", Stock { shelf: TOTAL, cart: 0 });
    for accident in [Accident::None, Accident::Wait, Accident::Panic, Accident::Failure] {
        println!("{accident:?}");
        let patience = Duration::from_millis(10);
        let mut transfer = Box::pin(timeout(patience, transfer(&mut stock, accident)));
        let result = std::future::poll_fn(|context| {
            match catch_unwind(AssertUnwindSafe(|| transfer.as_mut().poll(context))) {
                Ok(poll) => poll.map(|result| format!("{result:?}")),
                Err(_) => Poll::Ready("it panicked".to_owned()),
            }
        })
        .await;
        drop(transfer);
        println!("    the caller sees: {result}");
        println!("    the next one sees: {:?}", stock.data());
        recount(&mut stock);
        println!("    {stock:?}");
    }
}
