//! Random histories against a naive twin: what each job must come to, whatever happens around it.

use std::time::Duration;

use heliostat_workers::{Job, Pool, Settings, Ticket};

use crate::support::{pool, rounds, run, transports};
use crate::tests;
use crate::worker::{FAIL, LONG, PANIC, REVERSE, SEGFAULT, SPIN, reversed};

tests!(every_job_comes_to_what_it_must);

/// What a job must come to.
#[derive(Debug, Clone)]
enum Fate {
    Reply(Vec<u8>),
    Failed(Vec<u8>),
    TooLong,
    Culprit,
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn job(random: &mut Random, number: u64) -> (Job, Fate) {
    let len = [0, 3, 50, 5000, 70_000][random.below(5) as usize];
    let mut body = format!("{number} ").into_bytes();
    body.resize(body.len() + len, b'z');
    let made = |kind, body: &[u8]| Job::new(body.to_vec()).kind(kind).max_reply(100_000);
    match random.below(40) {
        0 => (made(SEGFAULT, &body), Fate::Culprit),
        1 => (made(PANIC, &body), Fate::Culprit),
        2..6 => (
            made(FAIL, &body[..8.min(body.len())]),
            Fate::Failed(body[..8.min(body.len())].to_vec()),
        ),
        6 => (made(LONG, b"100001"), Fate::TooLong),
        7..12 => {
            let time = random.below(3000).to_string().into_bytes();
            (made(SPIN, &time), Fate::Reply(reversed(&time)))
        }
        _ => (made(REVERSE, &body), Fate::Reply(reversed(&body))),
    }
}

fn kill_one(pool: &Pool, random: &mut Random) {
    let processes = pool.processes();
    if let Some(pid) = processes.get(random.below(4) as usize) {
        let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

async fn settle(ticket: Ticket, fate: Fate, killed: bool) {
    let result = ticket.await;
    match (&result, &fate) {
        (Ok(reply), Fate::Reply(body)) => assert!(reply.bytes() == body),
        (Err(error), Fate::Failed(what)) if error.is_failed() => {
            assert_eq!(error.failure(), Some(what.as_slice()));
        }
        (Err(error), Fate::TooLong) if error.is_too_long() => {}
        (Err(error), Fate::Culprit) if error.is_culprit() => {}
        // A kill from outside can hit a job alone in quarantine, and nobody can tell.
        (Err(error), _) if killed && error.is_culprit() => {}
        _ => panic!("{fate:?} became {result:?}"),
    }
}

fn every_job_comes_to_what_it_must() {
    run(async {
        for seed in 1..=rounds(6) as u64 {
            let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let kills = seed % 2 == 0;
            let settings = transports()[(seed / 2 % 2) as usize].clone();
            let pool = pool(Settings {
                workers: 1 + random.below(3) as usize,
                window: 1 + random.below(16) as usize,
                jobs_max: 5 + random.below(200),
                inline_bytes: 512 << random.below(8),
                refuse_for: Duration::ZERO,
                queue_age: Duration::from_secs(600),
                limit: Duration::from_secs(60),
                ..settings
            });
            let mut open: Vec<(Ticket, Fate)> = Vec::new();
            for number in 0..300 {
                match random.below(10) {
                    0..6 => {
                        let (job, fate) = job(&mut random, number);
                        open.push((pool.submit(job).unwrap(), fate));
                    }
                    6 if !open.is_empty() => {
                        let at = random.below(open.len() as u64) as usize;
                        drop(open.swap_remove(at));
                    }
                    7 | 8 if !open.is_empty() => {
                        let at = random.below(open.len() as u64) as usize;
                        let (ticket, fate) = open.swap_remove(at);
                        settle(ticket, fate, kills).await;
                    }
                    9 if kills && random.below(5) == 0 => kill_one(&pool, &mut random),
                    _ => tokio::task::yield_now().await,
                }
            }
            for (ticket, fate) in open {
                settle(ticket, fate, kills).await;
            }
            let counts = pool.counts();
            assert_eq!((counts.queue_jobs, counts.queue_bytes), (0, 0), "{counts:?}");
        }
    });
}
