//! `heliostat-percpu` beside what people use today: times in thread CPU time, interleaved, as ratios.
//!
//! Every figure is CPU time of the measuring threads, so that others on the machine disturb little.
//! A round runs every variant once, in turn; the ratio to the thread-local is taken within the
//! round, and the median over the rounds counts. `cargo bench --bench percpu` takes two minutes of a
//! quiet machine; `-- --quick` less, and a word such as `list` runs the tables that have it in their
//! title.
#![expect(clippy::print_stdout, reason = "a bench prints its tables")]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};

use contatori::counters::unsigned::Unsigned;
use crossbeam_utils::CachePadded;
use fast_counter::ConcurrentCounter;
use heliostat_percpu::rseq::{self, Fence};
use heliostat_percpu::{
    ByCpu, Counter, CounterVec, CpuId, CpuSet, FreeList, Item, PerCpu, affinity, pin_on_cpu,
};
use heliostat_serve::wire::{AnswerKey, Clerk, Marks, RepositoryName, Tally};
use heliostat_serve::{Code, Tier};
use rustix::thread::{MembarrierCommand, membarrier};

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let rounds = if quick { 5 } else { 25 };
    println!("{}\n", rseq::mode());
    for threads in [1, 2, 8, 64] {
        table(&format!("add 1, {threads} threads"), "thread-local", &additions(), threads, rounds);
    }
    table("add n (not a constant), 1 thread", "thread-local", &additions_of_n(), 1, rounds);
    table("one of 80,000 counters, 1 thread", "thread-local row", &rows(), 1, rounds);
    for threads in [1, 2, 8] {
        let title = format!("free list: pop and push, {threads} threads");
        table(&title, "thread-local Vec", &lists(), threads, rounds);
    }
    for threads in [1, 2] {
        let title = format!("count an answer, 4,000 combinations, {threads} threads");
        table(&title, "thread-local row", &answers(), threads, rounds);
    }
    pins(rounds);
    fences(if quick { 200 } else { 2000 });
}

/// What one variant costs: nanoseconds of CPU per operation, for so many threads and operations.
type Variant = (&'static str, Box<dyn Fn(usize, u64) -> f64>);

/// A variant that does `op` again and again.
fn variant(name: &'static str, op: impl Fn(u64) + Sync + 'static) -> Variant {
    (name, Box::new(move |threads, operations| run(threads, operations, &op)))
}

fn run(threads: usize, operations: u64, op: &(impl Fn(u64) + Sync)) -> f64 {
    let barrier = Barrier::new(threads);
    let one = || {
        (0..100).for_each(op);
        barrier.wait();
        let before = cpu_ns();
        for n in 0..operations {
            op(n);
        }
        cpu_ns() - before
    };
    let total: f64 = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        running.into_iter().map(|thread| thread.join().unwrap_or(f64::NAN)).sum()
    });
    total / (operations as f64 * threads as f64)
}

/// The CPU time of this thread.
fn cpu_ns() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Whether the command line asks for the table of this title.
fn wanted(title: &str) -> bool {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    words.peek().is_none() || words.any(|word| title.contains(&word))
}

fn table(title: &str, base: &str, variants: &[Variant], threads: usize, rounds: usize) {
    if !wanted(title) {
        return;
    }
    println!("| {title} | ns | ratio to {base} |\n|---|---:|---:|");
    let operations = 2_000_000 / threads as u64;
    let mut times = vec![Vec::new(); variants.len()];
    for _ in 0..rounds {
        for (times, (_, measure)) in times.iter_mut().zip(variants) {
            times.push(measure(threads, operations));
        }
    }
    for ((name, _), own) in variants.iter().zip(&times) {
        let ratio = median(own.iter().zip(&times[0]).map(|(own, base)| own / base));
        println!("| {name} | {:.2} | {ratio:.2} |", median(own.iter().copied()));
    }
    println!();
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

static BY_CID: Counter = Counter::new();
static BY_CPU: Counter<ByCpu> = Counter::new();
static SHARED: AtomicU64 = AtomicU64::new(0);
static LOCKED: Mutex<u64> = Mutex::new(0);

thread_local! {
    static CELL: Cell<u64> = const { Cell::new(0) };
    static ATOMIC: AtomicU64 = const { AtomicU64::new(0) };
    static NUMBER: usize = {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed) as usize % 64
    };
}

/// A plain thread-local addition. The compiler must not merge the turns of the loop.
fn add_thread_local(n: u64) {
    CELL.with(|cell| {
        cell.set(cell.get().wrapping_add(n));
        black_box(cell);
    });
}

fn additions() -> Vec<Variant> {
    let per_cpu = PerCpu::new(|_| AtomicU64::new(0));
    let padded: Vec<CachePadded<AtomicU64>> = (0..64).map(|_| CachePadded::default()).collect();
    let per_thread = thread_local::ThreadLocal::<Cell<u64>>::new();
    let (fast, sharded) = (ConcurrentCounter::new(2), Unsigned::new());
    vec![
        variant("thread-local", |_| add_thread_local(1)),
        variant("thread-local atomic, load and store: the least there is", |_| {
            ATOMIC.with(|sum| sum.store(sum.load(Ordering::Relaxed) + 1, Ordering::Relaxed));
        }),
        variant("**Counter**", |_| BY_CID.increment()),
        variant("**Counter by CPU**", |_| BY_CPU.increment()),
        variant("PerCpu<AtomicU64>, fetch_add", move |_| {
            per_cpu.here().fetch_add(1, Ordering::Relaxed);
        }),
        variant("crossbeam-utils CachePadded array by thread, fetch_add", move |_| {
            NUMBER.with(|number| padded[*number].fetch_add(1, Ordering::Relaxed));
        }),
        variant("thread_local::ThreadLocal<Cell>", move |_| {
            let cell = per_thread.get_or_default();
            cell.set(cell.get().wrapping_add(1));
            black_box(cell);
        }),
        variant("fast-counter", move |_| fast.add(1)),
        variant("contatori", move |_| sharded.add(1)),
        variant("one shared atomic", |_| {
            SHARED.fetch_add(1, Ordering::Relaxed);
        }),
        variant("one Mutex", |_| {
            if let Ok(mut sum) = LOCKED.lock() {
                *sum += 1;
            }
        }),
    ]
}

fn additions_of_n() -> Vec<Variant> {
    let n = black_box(3);
    vec![
        variant("thread-local", move |_| add_thread_local(n)),
        variant("**Counter**", move |_| BY_CID.add(n)),
        variant("one shared atomic", move |_| {
            SHARED.fetch_add(n, Ordering::Relaxed);
        }),
    ]
}

fn rows() -> Vec<Variant> {
    const LEN: u64 = 80_000;
    // The same skewed walk over the ids for everybody.
    let id = |n: u64| ((n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) * LEN) >> 24;
    thread_local!(static ROW: RefCell<Vec<u64>> = RefCell::new(vec![0; LEN as usize]));
    let counters = CounterVec::new(LEN as usize);
    let atomics: Vec<AtomicU64> = (0..LEN).map(|_| AtomicU64::new(0)).collect();
    vec![
        variant("thread-local row", move |n| {
            ROW.with_borrow_mut(|row| row[id(n) as usize] += 1);
        }),
        variant("**CounterVec**", move |n| counters.increment(id(n) as usize)),
        variant("shared atomics", move |n| {
            atomics[id(n) as usize].fetch_add(1, Ordering::Relaxed);
        }),
    ]
}

/// What counting by seven labels costs a serving thread, the turn of the loop included.
fn answers() -> Vec<Variant> {
    const LEN: usize = 4000;
    let code = |n: usize| Code::from_bytes(&[b'A' + (n / 26 % 10) as u8, b'A' + (n % 26) as u8]);
    let marks: Vec<Marks> = (0..LEN)
        .map(|n| Marks {
            repository: Some((n / 1000) as u32),
            country: code(n % 250),
            tier: Some(Tier::Country),
            protocol: None,
            status: [200, 404, 302, 503][n / 250 % 4],
            countme: 0,
        })
        .collect();
    let key = |marks: &Marks| AnswerKey {
        repository: marks.repository.map(|row| {
            Arc::new(RepositoryName { prefix: format!("fedora-{row}"), arch: "x86_64".to_owned() })
        }),
        country: marks.country,
        tier: marks.tier,
        protocol: marks.protocol,
        status: marks.status,
        countme: marks.countme,
    };
    // The same skewed walk over the combinations for everybody.
    let at = |n: u64| {
        let random = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
        (((random * random) >> 20) as usize * LEN) >> 20
    };
    thread_local! {
        static ROW: RefCell<Vec<u64>> = RefCell::new(vec![0; LEN]);
        static CLERK: RefCell<Clerk> = RefCell::new(Clerk::new());
    }
    let tally = Tally::new(65_536);
    let keyed: Mutex<HashMap<AnswerKey, u64>> = Mutex::default();
    let keys: Vec<AnswerKey> = marks.iter().map(key).collect();
    vec![
        variant("thread-local row", move |n| ROW.with_borrow_mut(|row| row[at(n)] += 1)),
        variant("**Clerk and Tally**", move |n| {
            CLERK.with_borrow_mut(|clerk| clerk.count(&tally, None, marks[at(n)]));
        }),
        variant("Mutex<HashMap<AnswerKey, u64>>", move |n| {
            if let Ok(mut counts) = keyed.lock() {
                match counts.get_mut(&keys[at(n)]) {
                    Some(count) => *count += 1,
                    None => _ = counts.insert(keys[at(n)].clone(), 1),
                }
            }
        }),
    ]
}

fn lists() -> Vec<Variant> {
    thread_local!(static VEC: RefCell<Vec<Item<u64>>> = const { RefCell::new(Vec::new()) });
    let list: FreeList<u64> = FreeList::new();
    let locked: Mutex<Vec<Box<u64>>> = Mutex::new((0..256).map(Box::new).collect());
    let per_cpu: PerCpu<Mutex<Vec<Box<u64>>>> =
        PerCpu::new(|_| Mutex::new((0..256).map(Box::new).collect()));
    let slab: sharded_slab::Pool<String> = sharded_slab::Pool::new();
    vec![
        variant("thread-local Vec", |_| {
            let item = VEC.with_borrow_mut(Vec::pop).unwrap_or_else(|| Item::new(0));
            VEC.with_borrow_mut(|items| items.push(black_box(item)));
        }),
        variant("**FreeList**", move |_| {
            let item = list.pop().unwrap_or_else(|| Item::new(0));
            list.push(black_box(item));
        }),
        variant("PerCpu<Mutex<Vec>>", move |_| {
            let item = per_cpu.here().lock().ok().and_then(|mut items| items.pop());
            if let (Some(item), Ok(mut items)) = (black_box(item), per_cpu.here().lock()) {
                items.push(item);
            }
        }),
        variant("Mutex<Vec>", move |_| {
            let item = locked.lock().ok().and_then(|mut items| items.pop());
            if let (Some(item), Ok(mut items)) = (black_box(item), locked.lock()) {
                items.push(item);
            }
        }),
        variant("sharded-slab Pool", move |_| {
            drop(black_box(slab.create()));
        }),
    ]
}

fn pins(rounds: usize) {
    if !wanted("pin to the same CPU") {
        return;
    }
    let Some(cpu) = affinity::current().ok().and_then(|set| set.first()) else { return };
    let core = core_affinity::CoreId { id: cpu.index() };
    let here = many_cpus::SystemHardware::current().processors();
    let one = here.to_builder().take(std::num::NonZero::<usize>::MIN);
    let mut variants = vec![
        variant("**pin_on_cpu, unpin** (notices and restores)", move |_| {
            drop(black_box(pin_on_cpu(cpu)));
        }),
        variant("core_affinity::set_for_current (never restores)", move |_| {
            black_box(core_affinity::set_for_current(core));
        }),
    ];
    if let Some(one) = one {
        variants.push(variant("many_cpus pin_current_thread_to (never restores)", move |_| {
            one.pin_current_thread_to();
        }));
    }
    println!("| pin to the same CPU, 1 thread | ns |\n|---|---:|");
    for (name, measure) in variants {
        let times = (0..rounds).map(|_| measure(1, 500));
        println!("| {name} | {:.0} |", median(times));
    }
    println!();
}

fn fences(times: usize) {
    if !wanted("fence") {
        return;
    }
    let all: Vec<CpuId> = affinity::current().map_or(Vec::new(), |set| set.iter().collect());
    let [mine, other, ..] = all[..] else { return };
    let Ok(_pin) = pin_on_cpu(mine) else { return };
    let beat = AtomicU64::new(0);
    // A call that begins when the other thread was just seen to run, if there is one.
    let timed = |running: bool, call: &dyn Fn()| {
        let (seen, began) = (beat.load(Ordering::Relaxed), std::time::Instant::now());
        while running && beat.load(Ordering::Relaxed) == seen && began.elapsed().as_secs() < 1 {
            std::hint::spin_loop();
        }
        let before = std::time::Instant::now();
        call();
        before.elapsed().as_nanos() as f64
    };
    // The fence and the bare system call for all CPUs, in turn; the ratio is taken within the turn.
    let line = |what: &str, which, running| {
        let both = (0..times).map(|_| {
            let fence = timed(running, &|| _ = black_box(rseq::fence(which)));
            let bare = timed(running, &|| _ = black_box(membarrier(COMMAND)));
            (fence, bare)
        });
        let (fence, bare): (Vec<f64>, Vec<f64>) = both.unzip();
        let ratio = median(fence.iter().zip(&bare).map(|(fence, bare)| fence / bare));
        let (fence, bare) = (median(fence.into_iter()), median(bare.into_iter()));
        println!("| {what} | {fence:.0} | {bare:.0} | {ratio:.2} |");
    };
    println!(
        "| fence (elapsed) | ns | bare membarrier of all CPUs | ratio |\n|---|---:|---:|---:|"
    );
    line("of the caller's own CPU", Fence::Cpu(mine), false);
    line("of a CPU that runs no thread of this process", Fence::Cpu(other), false);
    line("of all CPUs, nobody else running", Fence::All, false);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // This thread was born with the mask of the pinned one.
            let there = affinity::set(&CpuSet::only(other));
            while there.is_ok() && !stop.load(Ordering::Relaxed) {
                BY_CID.increment();
                beat.fetch_add(1, Ordering::Relaxed);
            }
        });
        line("of a CPU that counts all the time", Fence::Cpu(other), true);
        line("of all CPUs, one counting", Fence::All, true);
        stop.store(true, Ordering::Relaxed);
    });
}

/// The command behind a fence.
const COMMAND: MembarrierCommand = MembarrierCommand::PrivateExpeditedRseq;
