//! Too much to do: memory stays inside its budget, waiting inside its age.

use std::time::{Duration, Instant};

use heliostat_workers::{Job, Settings};

use crate::support::{eventually, pool, run, settings};
use crate::tests;
use crate::worker::{HANG, SPIN};

tests!(bytes_are_bounded, age_is_bounded, age_ends_also_behind_a_hang, resizing);

fn bytes_are_bounded() {
    run(async {
        let pool = pool(Settings { queue_bytes: 1 << 20, ..settings() });
        let busy = pool.submit(Job::new("50000").kind(SPIN)).unwrap();
        let mut tickets = Vec::new();
        let mut refused = 0;
        for _ in 0..100 {
            match pool.submit(Job::new(vec![0; 50_000])) {
                Ok(ticket) => tickets.push(ticket),
                Err(error) => {
                    assert!(error.is_overload(), "{error}");
                    refused += 1;
                }
            }
            assert!(pool.counts().queue_bytes <= 1 << 20);
        }
        assert!(refused >= 60 && tickets.len() >= 20, "{refused} refused");
        for ticket in tickets {
            ticket.await.unwrap();
        }
        busy.await.unwrap();
        assert_eq!(pool.counts().queue_full, refused);
    });
}

fn age_is_bounded() {
    run(async {
        let pool = pool(Settings { queue_age: Duration::from_millis(30), ..settings() });
        // A launch may take longer than a job may wait.
        pool.check().await.unwrap();
        let tickets: Vec<_> =
            (0..300).map(|_| pool.submit(Job::new("1000").kind(SPIN)).unwrap()).collect();
        let mut aged = 0;
        for ticket in tickets {
            match ticket.await {
                Ok(_) => {}
                Err(error) => {
                    assert!(error.is_overload(), "{error}");
                    aged += 1;
                }
            }
        }
        assert!((1..300).contains(&aged), "{aged}");
        assert_eq!(pool.counts().queue_aged, aged);
    });
}

fn age_ends_also_behind_a_hang() {
    run(async {
        let pool = pool(Settings { queue_age: Duration::from_millis(50), window: 1, ..settings() });
        pool.check().await.unwrap();
        // The owner sleeps already, with no reason to look at the clock soon.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let hung = pool.submit(Job::new("").kind(HANG).limit(Duration::from_secs(3600))).unwrap();
        let waiting = pool.submit(Job::new("abc")).unwrap();
        let asked = Instant::now();
        assert!(waiting.await.unwrap_err().is_overload());
        assert!(asked.elapsed() < settings().idle, "it waited for the owner's next look");
        drop(hung);
        pool.stop();
    });
}

fn resizing() {
    run(async {
        let pool = pool(Settings { workers: 4, warm: 4, ..settings() });
        eventually("all are there", || pool.counts().workers == 4).await;
        pool.resize(1);
        eventually("one is left", || pool.counts().workers == 1).await;
        assert_eq!(pool.call(Job::new("abc")).await.unwrap().bytes(), b"cba");
        pool.resize(2);
        let tickets: Vec<_> =
            (0..50).map(|_| pool.submit(Job::new("5000").kind(SPIN)).unwrap()).collect();
        for ticket in tickets {
            ticket.await.unwrap();
        }
        assert_eq!((pool.counts().workers, pool.counts().died), (2, 0));
    });
}
