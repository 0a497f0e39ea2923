//! Which thread runs on which CPU, and which listeners it takes connections from.
//!
//! Plans only: nothing here touches a thread or a socket, so that every change of the allowed CPUs
//! can be tried without one.

use heliostat_percpu::{CpuId, CpuSet, Policy, Standing, pin_on_cpu_with};

/// What is known of a thread before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Before {
    /// The CPU that it was given.
    pub(crate) cpu: Option<CpuId>,
    /// It takes connections; otherwise it only ends those that it has.
    pub(crate) serving: bool,
}

/// What a thread is to do after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Serve, on this CPU if there is one for it.
    Serve(Option<CpuId>),
    /// Take no more connections.
    Retire,
}

/// Gives `count` threads something to serve on: the known ones in their order, then new ones.
///
/// Who is on a CPU that is still allowed stays there; then the other serving threads are taken,
/// then retired ones, then new ones. With more threads than CPUs nobody new is pinned: the kernel
/// spreads them better.
pub(crate) fn roles(before: &[Before], allowed: &CpuSet, count: usize) -> Vec<Role> {
    let mut free = allowed.clone();
    let mut roles = vec![Role::Retire; before.len()];
    let mut missing = count;
    for (role, thread) in roles.iter_mut().zip(before).filter(|(_, before)| before.serving) {
        if let Some(cpu) = thread.cpu.filter(|&cpu| missing > 0 && free.remove(cpu)) {
            *role = Role::Serve(Some(cpu));
            missing -= 1;
        }
    }
    let pinned = count <= allowed.len();
    let mut next = || {
        let cpu = free.first().filter(|_| pinned);
        cpu.inspect(|&cpu| _ = free.remove(cpu))
    };
    for serving in [true, false] {
        for (role, _) in roles.iter_mut().zip(before).filter(|(_, b)| b.serving == serving) {
            if missing > 0 && *role == Role::Retire {
                *role = Role::Serve(next());
                missing -= 1;
            }
        }
    }
    roles.extend(std::iter::repeat_with(|| Role::Serve(next())).take(missing));
    roles
}

/// Deals listeners out to threads: whole rounds one by one, and what is left over to everybody, so
/// that no thread has more to do than another and no listener is without a thread.
pub(crate) fn shares(listeners: usize, threads: usize) -> Vec<Vec<usize>> {
    let dealt = listeners - listeners.checked_rem(threads).unwrap_or(0);
    let share = |thread| (thread..dealt).step_by(threads.max(1)).chain(dealt..listeners).collect();
    (0..threads).map(share).collect()
}

/// Where the calling thread is kept.
///
/// A pin is somebody's wish and not a law: whoever sets the thread's mask from outside wins, and the
/// thread comes back to its CPU when the mask has it again.
#[derive(Debug, Default)]
pub(crate) struct Place {
    wanted: Option<CpuId>,
    pin: Option<heliostat_percpu::PinGuard>,
}

impl Place {
    /// From now on, here; without a CPU, wherever the kernel likes.
    pub(crate) fn go(&mut self, cpu: Option<CpuId>) {
        if self.wanted != cpu {
            self.wanted = cpu;
            self.pin = None;
        }
        self.look();
    }

    /// Pins again if somebody undid the pin and the CPU can be had.
    pub(crate) fn look(&mut self) {
        let Some(cpu) = self.wanted else { return };
        if !matches!(self.pin.as_mut().map(|pin| pin.check()), Some(Ok(Standing::Pinned))) {
            // The old guard goes first: it leaves somebody else's mask as it is.
            self.pin = None;
            self.pin = pin_on_cpu_with(cpu, Policy::Retry(1))
                .inspect_err(|error| tracing::debug!(%cpu, %error, "not pinned"))
                .ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use heliostat_percpu::{CpuId, CpuSet};
    use proptest::prelude::*;

    use super::{Before, Role, roles, shares};

    fn cpu(number: u32) -> CpuId {
        CpuId::new(number).unwrap()
    }

    fn check(before: &[Option<u32>], allowed: &str, count: usize, expected: &str) {
        let before: Vec<Before> = before
            .iter()
            .map(|cpu_before| Before { cpu: cpu_before.map(cpu), serving: cpu_before.is_some() })
            .collect();
        let said: Vec<String> = roles(&before, &allowed.parse().unwrap(), count)
            .iter()
            .map(|role| match role {
                Role::Serve(Some(cpu)) => cpu.to_string(),
                Role::Serve(None) => "anywhere".to_owned(),
                Role::Retire => "retires".to_owned(),
            })
            .collect();
        assert_eq!(said.join(" "), expected);
    }

    #[test]
    fn threads_follow_the_allowed_cpus() {
        check(&[], "0-2", 3, "0 1 2");
        check(&[Some(0), Some(1)], "0", 1, "0 retires");
        check(&[Some(0), Some(1)], "1", 1, "retires 1");
        check(&[None, Some(1)], "0-1", 2, "0 1");
        check(&[Some(0), Some(1)], "5-6", 2, "5 6");
        check(&[Some(0), Some(1)], "1-3", 3, "2 1 3");
        check(&[Some(4), Some(5), Some(6)], "6-7", 2, "7 retires 6");
        check(&[Some(0), Some(1)], "1", 2, "anywhere 1");
        check(&[], "0-1", 3, "anywhere anywhere anywhere");
        check(&[], "", 1, "anywhere");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn as_many_as_asked_for_serve_each_on_a_cpu_of_its_own(
            steps in prop::collection::vec(
                (prop::collection::btree_set(0u32..9, 1..9), prop::option::of(1usize..12)), 1..8),
        ) {
            let mut threads: Vec<Before> = Vec::new();
            for (numbers, fixed) in steps {
                let allowed: CpuSet = numbers.into_iter().map(cpu).collect();
                let count = fixed.unwrap_or(allowed.len());
                let roles = roles(&threads, &allowed, count);
                let served: Vec<Option<CpuId>> = roles
                    .iter()
                    .filter_map(|role| match role { Role::Serve(cpu) => Some(*cpu), _ => None })
                    .collect();
                prop_assert_eq!(served.len(), count);
                let on: CpuSet = served.iter().flatten().copied().collect();
                prop_assert_eq!(on.len(), served.iter().flatten().count());
                prop_assert!(on.is_subset(&allowed));
                prop_assert!(count > allowed.len() || on.len() == count);
                prop_assert!(roles.len() <= threads.len().max(count));
                if count >= allowed.len() {
                    for (thread, role) in threads.iter().zip(&roles).filter(|(t, _)| t.serving) {
                        let stays = thread.cpu.is_some_and(|cpu| allowed.contains(cpu));
                        prop_assert!(!stays || *role == Role::Serve(thread.cpu));
                    }
                }
                threads = roles
                    .iter()
                    .map(|role| match *role {
                        Role::Serve(cpu) => Before { cpu, serving: true },
                        Role::Retire => Before { cpu: None, serving: false },
                    })
                    .collect();
            }
        }
    }

    #[test]
    fn every_listener_has_a_thread_and_every_thread_the_same_share() {
        assert_eq!(shares(4, 4), [[0], [1], [2], [3]]);
        assert_eq!(shares(2, 1), [[0, 1]]);
        assert_eq!(shares(3, 2), [[0, 2], [1, 2]]);
        assert_eq!(shares(1, 3), [[0], [0], [0]]);
        assert_eq!(shares(5, 0), [[0; 0]; 0]);
        for (listeners, threads) in (0..12).flat_map(|l| (1..9).map(move |t| (l, t))) {
            let shares = shares(listeners, threads);
            let all: std::collections::BTreeSet<usize> = shares.iter().flatten().copied().collect();
            assert_eq!(all.len(), listeners);
            assert!(shares.iter().all(|share| share.len() == shares[0].len()));
        }
    }
}
