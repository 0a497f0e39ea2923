//! What a scope costs that ends well: instructions, stores and time, beside its peers.
//!
//! Each contender makes the same change, two numbers raised one after the other, in the same loop;
//! what differs is the scope around it. Time is taken in interleaved rounds and compared within a
//! round. Instructions and stores are counted by callgrind, where it is installed, as the
//! difference of a long and a short run of this program, so that they are exact and repeat.
//!
//! `cargo bench -p heliostat-bench --bench poison`

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

mod contenders {
    //! The change, in each scope.

    use std::future::Future;
    use std::hint::black_box;
    use std::pin::pin;
    use std::sync::{Mutex, PoisonError};
    use std::task::{Context, Poll, Waker};

    use cancel_safe_futures::sync::RobustMutex;
    use heliostat_poison::{Error, Guard, Poison};
    use poison_guard::Poison as PoisonGuard;

    pub(super) type Pair = (u64, u64);

    /// The change: what lies between the two numbers is not known to the compiler.
    #[inline(always)]
    fn raise(pair: &mut Pair) {
        pair.0 += 1;
        let pair = black_box(pair);
        pair.1 += 1;
    }

    fn poll<F: Future>(future: F) -> F::Output {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("nothing in these futures waits"),
        }
    }

    #[inline(never)]
    pub(super) fn bare(n: u64) {
        let mut pair = (0, 0);
        for _ in 0..n {
            raise(black_box(&mut pair));
        }
    }

    #[inline(never)]
    pub(super) fn check_and_arm(n: u64) {
        let mut poison = Poison::new("pair", (0, 0));
        for _ in 0..n {
            let Ok(mut pair) = black_box(&mut poison).check_and_arm() else { return };
            raise(&mut pair);
            pair.disarm();
        }
    }

    #[inline(never)]
    pub(super) fn change(n: u64) {
        let mut poison = Poison::new("pair", (0, 0));
        for _ in 0..n {
            let changed = black_box(&mut poison).change(|pair| {
                raise(pair);
                Ok::<_, Error>(())
            });
            if changed.is_err() {
                return;
            }
        }
    }

    #[inline(never)]
    pub(super) fn scopeguard(n: u64) {
        let mut pair = (0, 0);
        for _ in 0..n {
            let mut guard = scopeguard::guard(black_box(&mut pair), |pair| *pair = (0, 0));
            raise(&mut guard);
            scopeguard::ScopeGuard::into_inner(guard);
        }
    }

    #[inline(never)]
    pub(super) fn neon(n: u64) {
        let mut poison = super::neon::Poison::new("pair", (0, 0));
        for _ in 0..n {
            let Ok(mut pair) = black_box(&mut poison).check_and_arm() else { return };
            raise(pair.data_mut());
            pair.disarm();
        }
    }

    #[inline(never)]
    pub(super) fn on_unwind(n: u64) {
        let mut poison = PoisonGuard::new((0, 0));
        for _ in 0..n {
            let Ok(mut pair) = PoisonGuard::on_unwind(black_box(&mut poison)) else { return };
            raise(&mut pair);
        }
    }

    #[inline(never)]
    pub(super) fn unless_recovered(n: u64) {
        let mut poison = PoisonGuard::new((0, 0));
        for _ in 0..n {
            let poison = black_box(&mut poison);
            let Ok(mut pair) = PoisonGuard::unless_recovered(poison) else { return };
            raise(&mut pair);
            PoisonGuard::recover(pair);
        }
    }

    #[inline(never)]
    pub(super) fn parking_lot(n: u64) {
        let mutex = parking_lot::Mutex::new((0, 0));
        for _ in 0..n {
            raise(&mut black_box(&mutex).lock());
        }
    }

    #[inline(never)]
    pub(super) fn parking_lot_poison(n: u64) {
        let mutex = parking_lot::Mutex::new(Poison::new("pair", (0, 0)));
        for _ in 0..n {
            let Ok(mut pair) = Guard::arm(black_box(&mutex).lock()) else { return };
            raise(&mut pair);
            pair.disarm();
        }
    }

    #[inline(never)]
    pub(super) fn std_mutex(n: u64) {
        let mutex = Mutex::new((0, 0));
        for _ in 0..n {
            raise(&mut black_box(&mutex).lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    #[inline(never)]
    pub(super) fn std_mutex_poison(n: u64) {
        let mutex = Mutex::new(Poison::new("pair", (0, 0)));
        for _ in 0..n {
            let lock = black_box(&mutex).lock().unwrap_or_else(PoisonError::into_inner);
            let Ok(mut pair) = Guard::arm(lock) else { return };
            raise(&mut pair);
            pair.disarm();
        }
    }

    #[inline(never)]
    pub(super) fn tokio_mutex(n: u64) {
        let mutex = tokio::sync::Mutex::new((0, 0));
        for _ in 0..n {
            poll(async {
                let mut pair = black_box(&mutex).lock().await;
                std::future::ready(()).await;
                raise(&mut pair);
            });
        }
    }

    #[inline(never)]
    pub(super) fn tokio_mutex_run(n: u64) {
        let mutex = tokio::sync::Mutex::new(Poison::new("pair", (0, 0)));
        for _ in 0..n {
            let changed = poll(async {
                let mut poison = black_box(&mutex).lock().await;
                poison
                    .run(async |pair| {
                        std::future::ready(()).await;
                        raise(pair);
                        Ok::<_, Error>(())
                    })
                    .await
            });
            if changed.is_err() {
                return;
            }
        }
    }

    #[inline(never)]
    pub(super) fn robust_mutex(n: u64) {
        let mutex = RobustMutex::new((0, 0));
        for _ in 0..n {
            poll(async {
                let Ok(permit) = black_box(&mutex).lock().await else { return };
                permit
                    .perform_async_boxed(|pair| {
                        Box::pin(async move {
                            std::future::ready(()).await;
                            raise(pair);
                        })
                    })
                    .await;
            });
        }
    }
}

mod neon {
    //! Neon's `Poison`, as its design has it: three states and a wall clock, on the good path.

    use std::time::SystemTime;

    pub(super) struct Poison<T> {
        what: &'static str,
        state: State,
        data: T,
    }

    enum State {
        Clean,
        Armed,
        Poisoned { at: SystemTime },
    }

    impl<T> Poison<T> {
        pub(super) fn new(what: &'static str, data: T) -> Self {
            Self { what, state: State::Clean, data }
        }

        #[inline]
        pub(super) fn check_and_arm(&mut self) -> Result<Guard<'_, T>, (&'static str, SystemTime)> {
            match self.state {
                State::Clean => {
                    self.state = State::Armed;
                    Ok(Guard(self))
                }
                State::Armed => unreachable!("transient state"),
                State::Poisoned { at } => Err((self.what, at)),
            }
        }
    }

    pub(super) struct Guard<'a, T>(&'a mut Poison<T>);

    impl<T> Guard<'_, T> {
        #[inline]
        pub(super) fn data_mut(&mut self) -> &mut T {
            &mut self.0.data
        }

        #[inline]
        pub(super) fn disarm(self) {
            match self.0.state {
                State::Clean => unreachable!("we set it to Armed in check_and_arm()"),
                State::Armed => self.0.state = State::Clean,
                State::Poisoned { .. } => unreachable!("we fail check_and_arm() if poisoned"),
            }
        }
    }

    impl<T> Drop for Guard<'_, T> {
        #[inline]
        fn drop(&mut self) {
            match self.0.state {
                State::Clean => {}
                State::Armed => self.0.state = State::Poisoned { at: SystemTime::now() },
                State::Poisoned { .. } => unreachable!("we fail check_and_arm() if poisoned"),
            }
        }
    }
}

/// One way to make the change.
struct Contender {
    name: &'static str,
    /// The same without a scope: what this one is compared with.
    base: usize,
    run: fn(u64),
}

const CONTENDERS: &[Contender] = &[
    Contender { name: "no scope", base: 0, run: contenders::bare },
    Contender { name: "**check_and_arm, disarm**", base: 0, run: contenders::check_and_arm },
    Contender { name: "**change**", base: 0, run: contenders::change },
    Contender { name: "scopeguard, defused", base: 0, run: contenders::scopeguard },
    Contender { name: "Neon's Poison", base: 0, run: contenders::neon },
    Contender { name: "poison-guard, on_unwind", base: 0, run: contenders::on_unwind },
    Contender {
        name: "poison-guard, unless_recovered",
        base: 0,
        run: contenders::unless_recovered,
    },
    Contender { name: "parking_lot mutex", base: 7, run: contenders::parking_lot },
    Contender { name: "**Guard::arm in it**", base: 7, run: contenders::parking_lot_poison },
    Contender { name: "std mutex, with its own poisoning", base: 9, run: contenders::std_mutex },
    Contender { name: "**Guard::arm in it**", base: 9, run: contenders::std_mutex_poison },
    Contender { name: "tokio mutex, over an await", base: 11, run: contenders::tokio_mutex },
    Contender { name: "**run in it**", base: 11, run: contenders::tokio_mutex_run },
    Contender { name: "RobustMutex, perform_async_boxed", base: 11, run: contenders::robust_mutex },
];

/// What one change costs by callgrind's count.
#[derive(Clone, Copy)]
struct Count {
    instructions: f64,
    stores: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, COUNT, index, n] => {
            if let (Ok(index), Ok(n)) = (index.parse::<usize>(), n.parse()) {
                (CONTENDERS[index].run)(black_box(n));
            }
        }
        // `cargo test` builds and runs benches without this word; there is nothing to test.
        ref words if words.contains(&"--bench") => report(&arguments[0]),
        _ => {}
    }
}

#[expect(clippy::print_stdout, reason = "a bench that prints its table")]
fn report(program: &str) {
    let times = times();
    let counts: Vec<Option<Count>> =
        (0..CONTENDERS.len()).map(|index| count(program, index)).collect();
    println!(
        "| a change whose scope ends well | instructions | more | stores | more | ns | ratio |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for (index, contender) in CONTENDERS.iter().enumerate() {
        let (name, base) = (contender.name, contender.base);
        let figure = |of: fn(Count) -> f64| {
            let (own, base) = (counts[index].map(of), counts[base].map(of));
            let more = own.zip(base).map(|(own, base)| own - base);
            [own, more].map(|n| n.map_or("-".to_owned(), |n| format!("{n:.1}"))).join(" | ")
        };
        let (instructions, stores) =
            (figure(|count| count.instructions), figure(|count| count.stores));
        let ratio = median(times.iter().map(|round| round[index] / round[base]));
        let ns = median(times.iter().map(|round| round[index]));
        println!("| {name} | {instructions} | {stores} | {ns:.2} | {ratio:.2} |");
    }
    println!("\n{}", sizes());
    match (counts[0], counts[1]) {
        (Some(bare), Some(scope)) => {
            let stores = scope.stores - bare.stores;
            let verdict = if stores <= 2.0 { "met" } else { "missed" };
            println!("Stores of a scope, one in and one out: {stores:.1}, at most 2.0: {verdict}.");
        }
        _ => println!("Callgrind is not installed: nothing was counted."),
    }
}

/// The middle of the rounds.
fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn sizes() -> String {
    let size = |bytes: usize| bytes - size_of::<contenders::Pair>();
    let neon = size_of::<neon::Poison<contenders::Pair>>();
    let guard = size_of::<poison_guard::Poison<contenders::Pair>>();
    let own = size_of::<heliostat_poison::Poison<contenders::Pair>>();
    format!(
        "Bytes beside the data: {} here, all in place; Neon's {}; poison-guard {} and an \
         allocation per `unless_recovered`.",
        size(own),
        size(neon),
        size(guard)
    )
}

/// Nanoseconds per change, for each round and contender. Each round begins with another one, so
/// that nobody is always in the place where the machine was just busy.
fn times() -> Vec<Vec<f64>> {
    let round = |first: usize| {
        let mut times = vec![0.0; CONTENDERS.len()];
        for index in (0..CONTENDERS.len()).map(|place| (first + place) % CONTENDERS.len()) {
            let start = Instant::now();
            (CONTENDERS[index].run)(black_box(CHANGES));
            times[index] = start.elapsed().as_nanos() as f64 / CHANGES as f64;
        }
        times
    };
    (0..ROUNDS).map(round).collect()
}

/// The difference of a long and a short run, per change. `None` where callgrind is not installed.
fn count(program: &str, index: usize) -> Option<Count> {
    let (short, long) = (collect(program, index, 1_000)?, collect(program, index, 11_000)?);
    let per_change = |of: fn(Count) -> f64| (of(long) - of(short)) / 10_000.0;
    Some(Count {
        instructions: per_change(|count| count.instructions),
        stores: per_change(|count| count.stores),
    })
}

/// Callgrind's sums over a whole run: instructions, loads, stores, and misses.
fn collect(program: &str, index: usize, n: u64) -> Option<Count> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--cache-sim=yes", "--callgrind-out-file=/dev/null", program])
        .args([COUNT, &index.to_string(), &n.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let (_, sums) = text.lines().find_map(|line| line.split_once("Collected :"))?;
    let sums: Vec<f64> = sums.split_whitespace().filter_map(|sum| sum.parse().ok()).collect();
    Some(Count { instructions: *sums.first()?, stores: *sums.get(2)? })
}

const COUNT: &str = "--count";
const CHANGES: u64 = 200_000;
const ROUNDS: usize = 14 * 9;
