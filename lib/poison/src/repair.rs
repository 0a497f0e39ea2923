//! The ways back from poison.
//!
//! All of them are explicit, and all leave the data poisoned, with its first error, until they
//! have succeeded. A repair that panics, fails, is cancelled or is forgotten has changed nothing
//! about what is known.

use core::fmt;
use core::mem;
use core::ops::{Deref, DerefMut};

use crate::state::State;
use crate::{Error, Poison, Witness};

impl<T: ?Sized, W: Witness> Poison<T, W> {
    /// Repairs the data in a closure, if it is poisoned. Returns what had been wrong.
    ///
    /// If the closure panics, the data stays as poisoned as it was.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// let mut pair = Poison::new("pair", (1, 1));
    /// assert!(pair.recover(|_, _| unreachable!("it is whole")).is_none());
    ///
    /// pair.check_and_arm()?.0 = 2;
    /// let error = pair.recover(|pair, _| pair.1 = pair.0).unwrap();
    /// assert!(error.is_abandoned());
    /// assert_eq!(pair.data()?, &(2, 2));
    /// # Ok::<(), heliostat_poison::Error>(())
    /// ```
    pub fn recover(&mut self, repair: impl FnOnce(&mut T, &Error)) -> Option<Error> {
        let mut guard = self.repair()?;
        let Repair { poison, error } = &mut guard;
        repair(&mut poison.data, error);
        Some(guard.finish())
    }

    /// Repairs the data in a closure that may fail, if it is poisoned. Returns what had been wrong.
    ///
    /// # Errors
    ///
    /// Those of the closure. The data stays as poisoned as it was, with its first error.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// let mut pair = Poison::new("pair", (1, 1));
    /// pair.check_and_arm()?.0 = 2;
    ///
    /// let even = |pair: &mut (u32, u32)| if pair.0 == pair.1 { Ok(()) } else { Err("torn") };
    /// assert_eq!(pair.try_recover(|pair, _| even(pair)), Err("torn"));
    /// assert!(pair.data().unwrap_err().is_abandoned());
    ///
    /// let error = pair.try_recover(|pair, _| { pair.1 = 2; even(pair) }).unwrap();
    /// assert!(error.unwrap().is_abandoned());
    /// assert_eq!(pair.data()?, &(2, 2));
    /// # Ok::<(), heliostat_poison::Error>(())
    /// ```
    pub fn try_recover<X>(
        &mut self,
        repair: impl FnOnce(&mut T, &Error) -> Result<(), X>,
    ) -> Result<Option<Error>, X> {
        let Some(mut guard) = self.repair() else { return Ok(None) };
        let Repair { poison, error } = &mut guard;
        repair(&mut poison.data, error)?;
        Ok(Some(guard.finish()))
    }

    /// Access for a repair step by step, also over awaits: `None` if the data is whole.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), heliostat_poison::Error> {
    /// let mut pair = Poison::new("pair", (1, 1));
    /// pair.check_and_arm()?.0 = 2;
    ///
    /// if let Some(mut repair) = pair.repair() {
    ///     assert!(repair.error().is_abandoned());
    ///     tokio::task::yield_now().await; // cancelled here, the pair stays abandoned
    ///     repair.1 = repair.0;
    ///     repair.finish();
    /// }
    /// assert_eq!(pair.data()?, &(2, 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn repair(&mut self) -> Option<Repair<'_, T, W>> {
        let error = self.notice()?;
        Some(Repair { poison: self, error })
    }
}

impl<T, W> Poison<T, W> {
    /// Puts whole data in place of what is there, poisoned or not, and returns that.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// let mut connection = Poison::new("connection", vec![0]);
    /// connection.check_and_arm()?.push(1);
    /// let torn = connection.replace(Vec::new());
    /// assert_eq!(torn, [0, 1]);
    /// assert!(connection.data()?.is_empty());
    /// # Ok::<(), heliostat_poison::Error>(())
    /// ```
    pub fn replace(&mut self, data: T) -> T {
        let old = mem::replace(&mut self.data, data);
        self.state = State::Whole;
        old
    }

    /// The data, taken out.
    ///
    /// # Errors
    ///
    /// The data is poisoned. It comes with what is wrong with it.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// assert_eq!(Poison::new("pair", (1, 1)).into_inner().unwrap(), (1, 1));
    ///
    /// let mut pair = Poison::new("pair", (1, 1));
    /// pair.check_and_arm()?.0 = 2;
    /// let (torn, error) = pair.into_inner().unwrap_err();
    /// assert_eq!(torn, (2, 1));
    /// assert!(error.is_abandoned());
    /// # Ok::<(), heliostat_poison::Error>(())
    /// ```
    pub fn into_inner(self) -> Result<T, (T, Error)> {
        match self.error() {
            None => Ok(self.data),
            Some(error) => Err((self.data, error)),
        }
    }
}

/// Access to poisoned data, to make it whole.
///
/// The data is whole when [`finish`](Repair::finish) is called, and not before. Whatever else
/// becomes of the repair (dropped, cancelled, forgotten), the data stays poisoned with the error
/// it had.
///
/// ```
/// # use heliostat_poison::Poison;
/// let mut pair = Poison::new("pair", (1, 1));
/// pair.check_and_arm()?.0 = 2;
///
/// let mut repair = pair.repair().unwrap();
/// repair.1 = 2;
/// drop(repair);
/// assert!(pair.data().unwrap_err().is_abandoned());
///
/// assert!(pair.repair().unwrap().finish().is_abandoned());
/// assert_eq!(pair.data()?, &(2, 2));
/// # Ok::<(), heliostat_poison::Error>(())
/// ```
#[must_use = "a repair that is dropped without `finish` leaves the data poisoned"]
pub struct Repair<'a, T: ?Sized, W = crate::System> {
    poison: &'a mut Poison<T, W>,
    error: Error,
}

impl<T: ?Sized, W> Repair<'_, T, W> {
    /// What is wrong.
    pub const fn error(&self) -> &Error {
        &self.error
    }

    /// Declares the data whole, and returns what had been wrong.
    pub fn finish(self) -> Error {
        self.poison.state = State::Whole;
        self.error
    }
}

impl<T: ?Sized, W> Deref for Repair<'_, T, W> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.poison.data
    }
}

impl<T: ?Sized, W> DerefMut for Repair<'_, T, W> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.poison.data
    }
}

impl<T: ?Sized + fmt::Debug, W> fmt::Debug for Repair<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repair")
            .field("data", &&**self)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
