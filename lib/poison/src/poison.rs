//! Data, and whether the last change to it was finished.
//!
//! Everything here that changes the data goes through a scope; what is left reads.

use core::fmt;
use core::panic::UnwindSafe;

use crate::state::State;
use crate::{Error, Guard, System, Witness};

/// Data that can only be changed in a scope, and is poisoned by every scope that does not end
/// well.
///
/// Entering a scope marks the data as not whole; committing it marks it whole again. Whatever else
/// becomes of the scope, the mark is already there, and [`Poison`] refuses access until someone
/// recovers the data explicitly. `Poison` does no locking: it works behind `&mut`, so inside any
/// mutex, inside none, and in a `static`.
///
/// | to | use |
/// |---|---|
/// | change the data, holding a guard | [`check_and_arm`](Poison::check_and_arm), [`Guard::arm`] |
/// | change it in a closure | [`change`](Poison::change) |
/// | change it over awaits, cancellation told apart | [`run`](Poison::run) |
/// | read it | [`data`](Poison::data); for diagnostics, whatever its state, [`peek`](Poison::peek) |
/// | see whether it is whole | [`is_poisoned`](Poison::is_poisoned), [`error`](Poison::error) |
/// | come back from poison | [`recover`](Poison::recover), [`try_recover`](Poison::try_recover), [`repair`](Poison::repair), [`replace`](Poison::replace), [`into_inner`](Poison::into_inner) |
///
/// ```
/// use heliostat_poison::{Error, Poison};
///
/// // Two numbers whose sum must not change.
/// let mut stock = Poison::new("stock", (10, 0));
///
/// let mut pair = stock.check_and_arm()?;
/// pair.0 -= 3;
/// pair.1 += 3;
/// pair.disarm();
/// assert_eq!(stock.data()?, &(7, 3));
///
/// // This one stops half way.
/// let mut pair = stock.check_and_arm()?;
/// pair.0 -= 3;
/// drop(pair);
///
/// let error = stock.check_and_arm().unwrap_err();
/// assert!(error.is_abandoned());
/// assert_eq!(error.what(), "stock");
/// # Ok::<(), Error>(())
/// ```
pub struct Poison<T: ?Sized, W = System> {
    pub(crate) what: &'static str,
    pub(crate) state: State,
    pub(crate) witness: W,
    pub(crate) data: T,
}

impl<T> Poison<T> {
    /// Whole data, under a name that every error will carry.
    ///
    /// ```
    /// use heliostat_poison::Poison;
    /// use std::sync::Mutex;
    ///
    /// static ROUTES: Mutex<Poison<Vec<u32>>> = Mutex::new(Poison::new("routes", Vec::new()));
    /// # assert!(!ROUTES.lock().unwrap().is_poisoned());
    /// ```
    pub const fn new(what: &'static str, data: T) -> Self {
        Self::with_witness(what, data, System)
    }
}

impl<T, W> Poison<T, W> {
    /// Whole data with a [`Witness`] of its own: an injected clock, and perhaps a counter.
    ///
    /// ```
    /// use heliostat_poison::Poison;
    /// use std::time::Duration;
    ///
    /// let mut poison = Poison::with_witness("index", 0, || Duration::from_secs(1_700_000_000));
    /// drop(poison.check_and_arm());
    ///
    /// let error = poison.error().unwrap();
    /// assert_eq!(error.at(), Some(Duration::from_secs(1_700_000_000)));
    /// assert!(error.to_string().contains("2023-11-14T22:13:20.000Z"));
    /// ```
    pub const fn with_witness(what: &'static str, data: T, witness: W) -> Self {
        Self { what, state: State::Whole, witness, data }
    }
}

impl<T: ?Sized, W> Poison<T, W> {
    /// The name it was given.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// assert_eq!(Poison::new("routes", ()).what(), "routes");
    /// ```
    pub const fn what(&self) -> &'static str {
        self.what
    }

    /// The witness it was given, [`System`] if none.
    ///
    /// ```
    /// # use heliostat_poison::{Poison, System};
    /// let System = Poison::new("routes", ()).witness();
    /// ```
    pub const fn witness(&self) -> &W {
        &self.witness
    }

    /// Whether a scope was entered and not committed.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// let mut poison = Poison::new("index", 0);
    /// assert!(!poison.is_poisoned());
    /// std::mem::forget(poison.check_and_arm());
    /// assert!(poison.is_poisoned());
    /// ```
    pub const fn is_poisoned(&self) -> bool {
        !matches!(self.state, State::Whole)
    }

    /// What is wrong with the data: `None` if it is whole.
    ///
    /// A leak has no time until a call with `&mut` notices it, for there was nobody to look at the
    /// clock.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// let mut poison = Poison::new("index", 0);
    /// assert!(poison.error().is_none());
    /// poison.check_and_arm()?.fail("short write");
    /// assert_eq!(poison.error().unwrap().note(), Some("short write"));
    /// # Ok::<(), heliostat_poison::Error>(())
    /// ```
    #[inline]
    pub fn error(&self) -> Option<Error> {
        self.state.error(self.what)
    }

    /// The data, if it is whole. Reading needs no scope.
    ///
    /// # Errors
    ///
    /// The data is poisoned.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// let mut poison = Poison::new("index", 7);
    /// assert_eq!(poison.data()?, &7);
    /// drop(poison.check_and_arm());
    /// assert!(poison.data().unwrap_err().is_abandoned());
    /// # Ok::<(), heliostat_poison::Error>(())
    /// ```
    #[inline]
    pub fn data(&self) -> Result<&T, Error> {
        match self.error() {
            None => Ok(&self.data),
            Some(error) => Err(error),
        }
    }

    /// The data whatever its state: for a log, a dump, a debugger. Do not compute with it.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// let mut poison = Poison::new("buffer", vec![1, 2]);
    /// poison.check_and_arm()?.push(3);
    /// assert_eq!(poison.peek().len(), 3);
    /// # Ok::<(), heliostat_poison::Error>(())
    /// ```
    pub const fn peek(&self) -> &T {
        &self.data
    }
}

impl<T: ?Sized, W: Witness> Poison<T, W> {
    /// Enters a scope: from here to [`Guard::disarm`] the data counts as not whole.
    ///
    /// Costs a look at the state and a byte stored. No clock is asked, nothing is allocated.
    /// To keep a lock inside the guard, see [`Guard::arm`].
    ///
    /// # Errors
    ///
    /// The data is poisoned: an earlier scope did not end well, or was leaked.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// fn transfer(stock: &mut Poison<(u32, u32)>, n: u32) -> Result<(), Box<dyn std::error::Error>> {
    ///     let mut pair = stock.check_and_arm()?;
    ///     pair.0 = pair.0.checked_sub(n).ok_or("not so many")?;
    ///     pair.1 = pair.1.checked_add(n).ok_or("too many")?;
    ///     pair.disarm();
    ///     Ok(())
    /// }
    ///
    /// let mut stock = Poison::new("stock", (10, u32::MAX));
    /// assert_eq!(transfer(&mut stock, 3).unwrap_err().to_string(), "too many");
    /// assert!(transfer(&mut stock, 3).unwrap_err().to_string().starts_with("stock: poisoned"));
    /// ```
    #[inline]
    #[track_caller]
    pub fn check_and_arm(&mut self) -> Result<Guard<&mut Self>, Error> {
        Guard::arm(self)
    }

    /// Marks the data as not whole, if it is whole.
    #[inline]
    pub(crate) fn open(&mut self) -> Result<(), Error> {
        // One comparison on the way in; everything else happens out of line.
        if !matches!(self.state, State::Whole)
            && let Some(error) = self.notice()
        {
            return Err(error);
        }
        self.state = State::Open;
        Ok(())
    }

    /// What is wrong with the data, if anything. A leak is noticed here, and gets its time.
    #[cold]
    #[inline(never)]
    pub(crate) fn notice(&mut self) -> Option<Error> {
        self.state.notice(self.what, &self.witness)
    }
}

/// The data is shown only if it is whole.
impl<T: ?Sized + fmt::Debug, W> fmt::Debug for Poison<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Poison");
        f.field("what", &self.what);
        match self.error() {
            None => f.field("data", &&self.data).finish(),
            Some(error) => f.field("error", &error).finish_non_exhaustive(),
        }
    }
}

/// A panic inside of a scope is seen afterwards, whatever the data is.
impl<T: ?Sized, W: UnwindSafe> UnwindSafe for Poison<T, W> {}
