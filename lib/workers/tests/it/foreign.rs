//! A worker in another language, over pipes.

use heliostat_workers::{Job, Layer, Program, Sandbox, Settings, State, Transport};

use crate::support::{pool, run, skip};
use crate::tests;

tests!(a_worker_in_python);

fn a_worker_in_python() {
    let Some(python) = ["/usr/bin/python3", "/usr/local/bin/python3"]
        .into_iter()
        .find(|path| std::fs::exists(path).unwrap_or(false))
    else {
        return skip("a worker in Python", "there is no python3");
    };
    run(async {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/worker.py");
        let program = Program::foreign(python, [script]);
        let pool =
            pool(Settings { sandbox: Sandbox::none(), workers: 2, ..Settings::new(program) });
        let tickets: Vec<_> =
            (0..100).map(|words| pool.submit(Job::new("word ".repeat(words))).unwrap()).collect();
        for (words, ticket) in tickets.into_iter().enumerate() {
            assert_eq!(ticket.await.unwrap().bytes(), words.to_string().as_bytes());
        }
        let error = pool.call(Job::new("").kind(1)).await.unwrap_err();
        assert_eq!(error.failure(), Some(b"no such kind".as_slice()));
        let report = pool.report();
        assert!(matches!(report.transport, Transport::Pipes { .. }));
        assert_eq!(report.state(Layer::Seccomp), State::Off);
    });
}
