//! Short reads, short writes and reordered replies, against a naive twin.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

use super::Pipes;
use crate::call::Call;
use crate::job::Job;
use crate::wire::{Head, Status, Tag, length};

fn pipe() -> (OwnedFd, OwnedFd) {
    pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC).unwrap()
}

fn call(id: u64, body: usize) -> Call {
    Call::new(id, Job::new(vec![id as u8; body]), 1000, Duration::ZERO)
}

fn reply(id: u64, body: usize) -> Vec<u8> {
    let word = Status::Done.number();
    let head = Head { tag: Tag::Reply, word, id, len: length(body), max_reply: 0, run_ns: 5 };
    let mut frame = head.encode().to_vec();
    frame.resize(frame.len() + body, id as u8);
    frame
}

proptest! {
    /// However the bytes are cut, the replies are the same; the first that is out of its place,
    /// and nothing after it, is nonsense.
    #[test]
    fn replies_in_pieces(
        bodies in prop::collection::vec(0_usize..500, 1..8),
        swap in prop::option::of((0_usize..8, 0_usize..8)),
        pieces in prop::collection::vec(1_usize..700, 1..20),
    ) {
        let mut order: Vec<usize> = (0..bodies.len()).collect();
        if let Some((a, b)) = swap {
            order.swap(a % bodies.len(), b % bodies.len());
        }
        let good = order.iter().enumerate().take_while(|(at, id)| at == *id).count();
        let stream: Vec<u8> =
            order.iter().flat_map(|at| reply(*at as u64 + 1, bodies[*at])).collect();
        let ((from, to), (_sink, out)) = (pipe(), pipe());
        let mut link = Pipes::new(Arc::new(out), Arc::new(from));
        let (mut taken, mut nonsense, mut rest) = (0, false, stream.as_slice());
        let mut pieces = pieces.iter().cycle();
        while !rest.is_empty() && !nonsense {
            let (piece, after) = rest.split_at((*pieces.next().unwrap()).min(rest.len()));
            rest = after;
            rustix::io::write(&to, piece).unwrap();
            while taken < bodies.len() {
                match link.take(&call(taken as u64 + 1, 0)) {
                    Ok(Some(answer)) => {
                        prop_assert_eq!(answer.body, vec![(taken + 1) as u8; bodies[taken]]);
                        taken += 1;
                    }
                    Ok(None) => break,
                    Err(rule) => {
                        prop_assert_eq!(rule, "answers what was not asked");
                        nonsense = true;
                        break;
                    }
                }
            }
        }
        prop_assert_eq!((taken, nonsense), (good, good < bodies.len()));
    }

    /// Through a pipe of 4 KiB that is read in pieces, the jobs come out as they were put.
    #[test]
    fn jobs_in_pieces(
        bodies in prop::collection::vec(0_usize..12_000, 1..8),
        pieces in prop::collection::vec(1_usize..5000, 1..20),
    ) {
        let ((theirs, out), (from, _silent)) = (pipe(), pipe());
        fcntl_setpipe_size(&out, 4096).unwrap();
        let mut link = Pipes::new(Arc::new(out), Arc::new(from));
        let mut expected = Vec::new();
        for (at, len) in bodies.iter().enumerate() {
            let call = call(at as u64 + 1, *len);
            link.put(&call).unwrap();
            let (id, len) = (call.id, length(*len));
            let head = Head { tag: Tag::Job, word: 0, id, len, max_reply: 1000, run_ns: 0 };
            expected.extend_from_slice(&head.encode());
            expected.resize(expected.len() + len as usize, id as u8);
        }
        let mut got = Vec::new();
        let mut pieces = pieces.iter().cycle();
        let mut buffer = vec![0; 5000];
        while got.len() < expected.len() {
            let read = rustix::io::read(&theirs, &mut buffer[..*pieces.next().unwrap()]).unwrap();
            got.extend_from_slice(&buffer[..read]);
            link.flush();
        }
        prop_assert!(got == expected);
        prop_assert!(!link.is_stuck());
    }
}
