//! The hot operations against their thread-local equivalents.
#![expect(clippy::print_stdout, reason = "a bench prints its table")]
use heliostat_percpu::*;
use std::cell::Cell;
fn cpu_ns() -> f64 { unsafe { let mut t: libc::timespec = std::mem::zeroed(); libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut t); t.tv_sec as f64*1e9 + t.tv_nsec as f64 } }
fn time(n: u64, f: impl Fn(u64)) -> f64 { let mut best = f64::MAX; for _ in 0..15 { let a = cpu_ns(); for i in 0..n { f(i) } best = best.min((cpu_ns()-a)/n as f64); } best }
static C: Counter = Counter::new();
static V: CounterVec = CounterVec::new(80000);
static VC: Counter<ByCpu> = Counter::new();
thread_local!{ static T: Cell<u64> = const { Cell::new(0) }; static L: std::cell::RefCell<Vec<Item<u64>>> = const { std::cell::RefCell::new(Vec::new()) };}
fn main() {
    println!("{}", rseq::mode());
    let n = 5_000_000;
    println!("tls    {:.3}", time(n, |_| T.with(|t| { t.set(t.get()+1); std::hint::black_box(t); })));
    println!("cid    {:.3}", time(n, |_| C.increment()));
    println!("cpu    {:.3}", time(n, |_| VC.increment()));
    println!("vec    {:.3}", time(n, |i| V.increment(i as usize & 1023)));
    let a = std::sync::atomic::AtomicU64::new(0);
    println!("fadd   {:.3}", time(n, |_| {a.fetch_add(1, std::sync::atomic::Ordering::Relaxed);}));
    let l: FreeList<u64> = FreeList::new(); for i in 0..100 { l.push(Item::new(i)); }
    println!("list   {:.3}", time(n, |_| l.push(l.pop().unwrap())));
    L.with(|v| for i in 0..100 { v.borrow_mut().push(Item::new(i)) });
    println!("tlsvec {:.3}", time(n, |_| { let x = L.with(|v| v.borrow_mut().pop()).unwrap(); let x = std::hint::black_box(x); L.with(|v| v.borrow_mut().push(x)); }));
    println!("{} {}", C.sum(), V.slots_in_use());
}
