//! Throughput, waiting and CPU time over the number of callers.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cell::{Cell, Design, Usage, machine_ns, measure};

const DESIGNS: [Design; 5] =
    [Design::Sync, Design::SyncThreads, Design::Async, Design::Ours, Design::OursThreads];

type Key = (usize, u64, usize);

/// Runs the whole table, or the part that the words choose: `[us [workers [rounds [N,N,..]]]]`.
pub(crate) fn run(words: &[&str]) {
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
    let works: Vec<u64> = number(0).map_or(vec![5, 20, 100], |us| vec![us]);
    let pools: Vec<usize> = number(1).map_or(vec![1, 2], |workers| vec![workers as usize]);
    let rounds = number(2).unwrap_or(5);
    let callers: Vec<usize> = words.get(3).map_or(vec![1, 2, 4, 8, 16, 32, 64, 128], |list| {
        list.split(',').filter_map(|number| number.parse().ok()).collect()
    });
    let mut cells: BTreeMap<Key, Vec<Vec<Cell>>> = BTreeMap::new();
    let mut order = Vec::new();
    for workers in &pools {
        for us in &works {
            for n in &callers {
                order.push((*workers, *us, *n));
            }
        }
    }
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..rounds {
        shuffle(&mut order, &mut seed);
        for (workers, us, n) in &order {
            let all =
                cells.entry((*workers, *us, *n)).or_insert_with(|| vec![Vec::new(); DESIGNS.len()]);
            let mut designs: Vec<usize> = (0..DESIGNS.len()).collect();
            shuffle(&mut designs, &mut seed);
            for at in designs {
                all[at].push(quiet(DESIGNS[at], *n, *us, *workers));
            }
        }
        eprintln!("round {} of {rounds}", round + 1);
    }
    for workers in &pools {
        for us in &works {
            table(&cells, *workers, *us, &callers);
        }
    }
}

/// A cell during which nobody else used much of the machine; after three tries any.
fn quiet(design: Design, n: usize, us: u64, workers: usize) -> Cell {
    let time = Duration::from_millis(200);
    let mut tries = 0;
    loop {
        tries += 1;
        let (machine, own) = (machine_ns(), Usage::now(&[]).parent_ns);
        let cell = measure(design, n, us, workers, time);
        let ours = Usage::now(&[]).parent_ns - own;
        let workers_ns = ((cell.worker_us + us as f64) * 1e3 * cell.per_s * 0.45) as u64;
        let foreign = (machine_ns() - machine).saturating_sub(ours + workers_ns);
        if foreign < 60_000_000 || tries == 3 {
            return cell;
        }
    }
}

fn table(cells: &BTreeMap<Key, Vec<Vec<Cell>>>, workers: usize, us: u64, callers: &[usize]) {
    println!(
        "\n{us} us of work, {workers} worker(s); calls/s in thousands, p99 in us, CPU in us a call beyond the work\n"
    );
    println!(
        "| N | sync | sync, threads | async | ours | ours, threads | ours / best | p99 sync | p99 async | p99 ours | CPU async | CPU ours | CPU ours, threads |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for n in callers {
        let Some(all) = cells.get(&(workers, us, *n)) else { continue };
        let figure = |at: usize, of: fn(&Cell) -> f64| median(all[at].iter().map(of));
        let thousands = |at| figure(at, |cell| cell.per_s / 1e3);
        let p99 = |at| figure(at, |cell| cell.p99_us);
        let cpu = |at| figure(at, |cell| cell.parent_us + cell.worker_us);
        let best = (0..3).map(thousands).fold(0.0, f64::max);
        let sync_p99 = p99(0).min(p99(1));
        println!(
            "| {n} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | **{:.2}** | {sync_p99:.0} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} |",
            thousands(0),
            thousands(1),
            thousands(2),
            thousands(3),
            thousands(4),
            thousands(3) / best,
            p99(2),
            p99(3),
            cpu(2),
            cpu(3),
            cpu(4),
        );
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn shuffle<T>(items: &mut [T], seed: &mut u64) {
    for at in (1..items.len()).rev() {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        items.swap(at, (*seed % (at as u64 + 1)) as usize);
    }
}
