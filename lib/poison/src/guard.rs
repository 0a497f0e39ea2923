//! A scope held by hand: access until it is disarmed.

use core::fmt;
use core::ops::{Deref, DerefMut};
use core::panic::Location;

use crate::state::{Ending, State};
use crate::{Cause, Error, Poison, Witness};

/// Access to the data of a [`Poison`] within a scope.
///
/// The guard dereferences to the data. The change is committed by [`disarm`](Guard::disarm), and by
/// nothing else: dropped, the data is [abandoned](Cause::Abandoned), or
/// [panicked](Cause::Panicked) if the thread began to unwind meanwhile; forgotten, it is
/// [leaked](Cause::Leaked).
///
/// `P` is how the guard reaches the [`Poison`]: `&mut Poison<T>` from
/// [`check_and_arm`](Poison::check_and_arm), or a lock's own guard from [`Guard::arm`]. Then the
/// lock is released after the data has been marked, never before.
///
/// In async code a guard that lives across an await cannot tell a cancelled caller from an early
/// return; [`Poison::run`] can.
///
/// ```
/// use heliostat_poison::{Error, Poison};
///
/// let mut stock = Poison::new("stock", (10, 0));
/// let mut pair = stock.check_and_arm()?;
/// pair.0 -= 3;
/// pair.1 += 3;
/// pair.disarm();
/// assert_eq!(stock.data()?, &(7, 3));
/// # Ok::<(), Error>(())
/// ```
#[must_use = "a guard that is dropped without `disarm` poisons the data"]
pub struct Guard<P: Access> {
    pointer: P,
    location: &'static Location<'static>,
    note: Option<&'static str>,
    panicking: bool,
}

impl<P: Access> Guard<P> {
    /// Enters a scope through anything that gives `&mut Poison<T>`, and keeps it: a lock stays
    /// taken as long as the guard lives, and both are one value that can be returned.
    ///
    /// # Errors
    ///
    /// The data is poisoned. The pointer is dropped, so a lock is released. To recover under the
    /// same lock, call [`Poison::repair`] first.
    ///
    /// ```
    /// use heliostat_poison::{Error, Guard, Poison};
    /// use std::sync::{Mutex, MutexGuard, PoisonError};
    ///
    /// type Stock = Poison<(u32, u32)>;
    ///
    /// /// The mutex's own poisoning says less than the [`Poison`] inside, so it is passed over.
    /// fn stock(mutex: &Mutex<Stock>) -> Result<Guard<MutexGuard<'_, Stock>>, Error> {
    ///     Guard::arm(mutex.lock().unwrap_or_else(PoisonError::into_inner))
    /// }
    ///
    /// let mutex = Mutex::new(Poison::new("stock", (10, 0)));
    /// let mut pair = stock(&mutex)?;
    /// pair.0 -= 3;
    /// pair.1 += 3;
    /// pair.disarm();
    ///
    /// stock(&mutex)?.0 -= 3; // and dropped
    /// assert!(stock(&mutex).unwrap_err().is_abandoned());
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn arm(mut pointer: P) -> Result<Self, Error> {
        pointer.poison_mut().open()?;
        let location = Location::caller();
        Ok(Self { pointer, location, note: None, panicking: panicking() })
    }

    /// Commits the change: the data is whole. A byte is stored, and a lock inside is released.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// let mut poison = Poison::new("index", 0);
    /// let mut guard = poison.check_and_arm()?;
    /// *guard += 1;
    /// guard.disarm();
    /// assert_eq!(poison.data()?, &1);
    /// # Ok::<(), heliostat_poison::Error>(())
    /// ```
    #[inline]
    pub fn disarm(mut self) {
        // What drop finds is not open any more, and it leaves that alone.
        self.pointer.poison_mut().state = State::Whole;
    }

    /// Gives the change up, and says why. The error is the one that everybody else will see.
    ///
    /// ```
    /// # use heliostat_poison::{Error, Poison};
    /// fn append(log: &mut Poison<Vec<u8>>, frame: &[u8]) -> Result<(), Error> {
    ///     let mut log = log.check_and_arm()?;
    ///     for &byte in frame {
    ///         log.push(byte);
    ///         if byte == 0 {
    ///             return Err(log.fail("a zero within the frame"));
    ///         }
    ///     }
    ///     log.disarm();
    ///     Ok(())
    /// }
    ///
    /// let mut log = Poison::new("log", Vec::new());
    /// append(&mut log, b"whole")?;
    /// let error = append(&mut log, b"to\0rn").unwrap_err();
    /// assert_eq!(error.note(), Some("a zero within the frame"));
    /// assert_eq!(log.error(), Some(error));
    /// # Ok::<(), Error>(())
    /// ```
    #[cold]
    pub fn fail(mut self, why: &'static str) -> Error {
        let location = self.location;
        let poison = self.pointer.poison_mut();
        poison.state.poison(
            poison.what,
            &poison.witness,
            Ending { cause: Cause::Failed, location, note: Some(why) },
        )
    }

    /// Notes what is about to be done. The last note is in the error, if there is to be one.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// let mut poison = Poison::new("index", (0, 0));
    /// let mut guard = poison.check_and_arm()?;
    /// guard.note("first half");
    /// guard.0 = 1;
    /// guard.note("second half");
    /// drop(guard);
    /// assert_eq!(poison.error().unwrap().note(), Some("second half"));
    /// # Ok::<(), heliostat_poison::Error>(())
    /// ```
    #[inline]
    pub fn note(&mut self, note: &'static str) {
        self.note = Some(note);
    }
}

impl<P: Access> Deref for Guard<P> {
    type Target = P::Data;

    #[inline]
    fn deref(&self) -> &P::Data {
        &self.pointer.poison().data
    }
}

impl<P: Access> DerefMut for Guard<P> {
    #[inline]
    fn deref_mut(&mut self) -> &mut P::Data {
        &mut self.pointer.poison_mut().data
    }
}

/// Marks the data before the pointer, and the lock in it, goes.
impl<P: Access> Drop for Guard<P> {
    #[inline]
    fn drop(&mut self) {
        let (location, note) = (self.location, self.note);
        let poison = self.pointer.poison_mut();
        if !matches!(poison.state, State::Open) {
            return;
        }
        let cause = match panicking() && !self.panicking {
            true => Cause::Panicked,
            false => Cause::Abandoned,
        };
        poison.state.poison(poison.what, &poison.witness, Ending { cause, location, note });
    }
}

impl<P: Access> fmt::Debug for Guard<P>
where
    P::Data: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("what", &self.pointer.poison().what)
            .field("data", &&**self)
            .field("note", &self.note)
            .finish_non_exhaustive()
    }
}

/// A way to a [`Poison`]: whatever dereferences mutably to one. Implemented for every such pointer,
/// and cannot be implemented by hand.
///
/// ```
/// use heliostat_poison::{Access, Error, Guard, Poison};
///
/// /// Works with `&mut Poison<u32>`, with a mutex's guard, with a `Box`.
/// fn raise(pointer: impl Access<Data = u32>) -> Result<(), Error> {
///     let mut number = Guard::arm(pointer)?;
///     *number += 1;
///     number.disarm();
///     Ok(())
/// }
///
/// let mut poison = Poison::new("number", 1);
/// raise(&mut poison)?;
/// raise(Box::new(Poison::new("boxed", 1)))?;
/// assert_eq!(poison.data()?, &2);
/// # Ok::<(), Error>(())
/// ```
pub trait Access: sealed::Access<Self::Data, Self::Witness> {
    /// The data in the [`Poison`].
    type Data: ?Sized;
    /// Its witness.
    type Witness: Witness;
}

impl<P, T: ?Sized, W: Witness> Access for P
where
    P: DerefMut<Target = Poison<T, W>>,
{
    type Data = T;
    type Witness = W;
}

mod sealed {
    //! What [`Access`](super::Access) can do, out of reach.

    use core::ops::DerefMut;

    use crate::Poison;

    pub trait Access<T: ?Sized, W> {
        fn poison(&self) -> &Poison<T, W>;
        fn poison_mut(&mut self) -> &mut Poison<T, W>;
    }

    impl<P, T: ?Sized, W> Access<T, W> for P
    where
        P: DerefMut<Target = Poison<T, W>>,
    {
        #[inline]
        fn poison(&self) -> &Poison<T, W> {
            self
        }

        #[inline]
        fn poison_mut(&mut self) -> &mut Poison<T, W> {
            self
        }
    }
}

/// Whether this thread is unwinding. Nobody knows without `std`; then a panic reads as abandoned.
#[inline]
fn panicking() -> bool {
    #[cfg(feature = "std")]
    let panicking = std::thread::panicking();
    #[cfg(not(feature = "std"))]
    let panicking = false;
    panicking
}
