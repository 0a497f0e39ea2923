//! Jobs that wait for a worker: bounded in bytes, in number and in age.
//!
//! What bounds the memory is bytes, not a number of callers. What bounds the waiting is age: under
//! a load that is too high for long, a queue without it makes every job late, a queue with it
//! serves as many and refuses the rest early.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::Call;

/// In the order of their numbers, which is that of their arrival.
#[derive(Debug)]
pub(crate) struct Queue {
    calls: VecDeque<Arc<Call>>,
    bytes: usize,
    bytes_max: usize,
    calls_max: usize,
    age_max: Duration,
}

/// Why a job may not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full {
    pub(crate) bytes: usize,
}

impl Queue {
    pub(crate) fn new(bytes_max: usize, calls_max: usize, age_max: Duration) -> Queue {
        Queue { calls: VecDeque::new(), bytes: 0, bytes_max, calls_max, age_max }
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends a new call.
    pub(crate) fn push(&mut self, call: Arc<Call>) -> Result<(), Full> {
        let weight = call.job.body.weight();
        if self.calls.len() >= self.calls_max || weight > self.bytes_max - self.bytes {
            return Err(Full { bytes: self.bytes });
        }
        self.bytes += weight;
        self.insert(call);
        Ok(())
    }

    /// Puts back a call that was out already, to its old place. Its bytes are held anyway, so
    /// the budget is stretched rather than the call lost.
    pub(crate) fn put_back(&mut self, call: Arc<Call>) {
        self.bytes = self.bytes.saturating_add(call.job.body.weight()).min(self.bytes_max);
        self.insert(call);
    }

    fn insert(&mut self, call: Arc<Call>) {
        match self.calls.back() {
            // Rare: two callers that race for the end, or a call that comes back.
            Some(last) if last.id > call.id => {
                let at = self.calls.partition_point(|other| other.id < call.id);
                self.calls.insert(at, call);
            }
            _ => self.calls.push_back(call),
        }
    }

    /// The oldest call.
    pub(crate) fn pop(&mut self) -> Option<Arc<Call>> {
        let call = self.calls.pop_front()?;
        self.release(&call);
        Some(call)
    }

    /// The oldest call, for as long as it is too old.
    pub(crate) fn pop_aged(&mut self, now: Instant) -> Option<Arc<Call>> {
        let old = self.oldest().is_some_and(|born| now.duration_since(born) > self.age_max);
        old.then(|| self.pop()).flatten()
    }

    /// When the oldest call came.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.calls.front().map(|call| call.born)
    }

    /// Takes a call out, wherever it is.
    pub(crate) fn remove(&mut self, id: u64) -> Option<Arc<Call>> {
        let at = self.calls.binary_search_by_key(&id, |call| call.id).ok()?;
        let call = self.calls.remove(at)?;
        self.release(&call);
        Some(call)
    }

    fn release(&mut self, call: &Call) {
        self.bytes = self.bytes.saturating_sub(call.job.body.weight());
        if self.calls.is_empty() {
            self.bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::Queue;
    use crate::call::Call;
    use crate::job::Job;

    fn call(id: u64, bytes: usize) -> Arc<Call> {
        Arc::new(Call::new(id, Job::new(vec![0; bytes]), 0, Duration::ZERO))
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push(usize),
        Pop,
        PutBack,
        Remove(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_usize..400).prop_map(Step::Push),
            2 => Just(Step::Pop),
            1 => Just(Step::PutBack),
            2 => (0_usize..40).prop_map(Step::Remove),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_map_by_number(steps in prop::collection::vec(step(), 0..200)) {
            let mut queue = Queue::new(1000, 8, Duration::from_secs(3600));
            let mut twin: BTreeMap<u64, usize> = BTreeMap::new();
            let mut out: Vec<Arc<Call>> = Vec::new();
            let mut stretched = false;
            for (id, step) in steps.into_iter().enumerate() {
                let id = id as u64;
                match step {
                    Step::Push(bytes) => {
                        let fits = twin.len() < 8 && twin.values().sum::<usize>() + bytes <= 1000;
                        let pushed = queue.push(call(id, bytes)).is_ok();
                        prop_assert!(pushed == fits || stretched);
                        if pushed {
                            twin.insert(id, bytes);
                        }
                    }
                    Step::Pop => {
                        let popped = queue.pop();
                        prop_assert_eq!(popped.as_ref().map(|call| call.id), twin.keys().next().copied());
                        twin.pop_first();
                        out.extend(popped);
                    }
                    Step::PutBack => if let Some(call) = out.pop() {
                        stretched |= twin.values().sum::<usize>() + call.job.body.len() > 1000;
                        twin.insert(call.id, call.job.body.len());
                        queue.put_back(call);
                    },
                    Step::Remove(nth) => {
                        let id = twin.keys().nth(nth).copied().unwrap_or(u64::MAX);
                        prop_assert_eq!(queue.remove(id).is_some(), twin.remove(&id).is_some());
                    }
                }
                prop_assert_eq!(queue.len(), twin.len());
                prop_assert!(queue.bytes() <= 1000);
                if twin.is_empty() {
                    stretched = false;
                    prop_assert_eq!(queue.bytes(), 0);
                }
            }
        }
    }

    #[test]
    fn the_old_are_found() {
        let mut queue = Queue::new(1000, 8, Duration::ZERO);
        queue.push(call(1, 10)).unwrap();
        let later = std::time::Instant::now() + Duration::from_secs(1);
        assert_eq!(queue.pop_aged(later).map(|call| call.id), Some(1));
        assert!(queue.pop_aged(later).is_none());
    }
}
