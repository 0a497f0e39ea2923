//! Scopes as closures, which tell exactly how they ended.
//!
//! A closure has only so many ways out. A synchronous one returns or panics. An asynchronous one
//! returns or panics while it is polled, and is dropped between polls otherwise. So before each
//! poll the scope is told "if you end now, it is a panic", and after it "if you end now, it is a
//! cancellation"; nothing needs to ask the thread, and it is as exact without `std`.

use core::any::type_name;
use core::future::poll_fn;
use core::panic::Location;
use core::pin::pin;

use crate::state::{Ending, State};
use crate::{Cause, Error, Poison, Witness};

impl<T: ?Sized, W: Witness> Poison<T, W> {
    /// Changes the data in a closure: `Ok` commits.
    ///
    /// # Errors
    ///
    /// The data is poisoned, or the closure's own error; that poisons the data as
    /// [failed](Cause::Failed), with the error's type as the [note](Error::note). For an error
    /// that leaves the data whole, return `Ok(Err(error))`.
    ///
    /// # Panics
    ///
    /// When the closure does; the data is [panicked](Cause::Panicked) then.
    ///
    /// ```
    /// use heliostat_poison::Poison;
    ///
    /// type Failure = Box<dyn std::error::Error>;
    ///
    /// fn transfer(stock: &mut Poison<(u32, u32)>, n: u32) -> Result<(), Failure> {
    ///     stock.change(|pair| {
    ///         pair.0 = pair.0.checked_sub(n).ok_or("not so many")?;
    ///         pair.1 = pair.1.checked_add(n).ok_or("too many")?;
    ///         Ok(())
    ///     })
    /// }
    ///
    /// let mut stock = Poison::new("stock", (10, u32::MAX - 3));
    /// transfer(&mut stock, 3)?;
    /// assert_eq!(stock.data()?, &(7, u32::MAX));
    ///
    /// assert_eq!(transfer(&mut stock, 1).unwrap_err().to_string(), "too many");
    /// assert!(stock.data().unwrap_err().is_failed());
    /// # Ok::<(), Failure>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn change<R, X>(&mut self, change: impl FnOnce(&mut T) -> Result<R, X>) -> Result<R, X>
    where
        X: From<Error>,
    {
        let (scope, data) = Scope::enter(self, Location::caller())?;
        let result = change(data);
        scope.close(result)
    }

    /// Changes the data in an async closure: `Ok` commits.
    ///
    /// Nothing happens, and nothing is marked, before the first poll. Dropped after it and before
    /// the end, the data is [cancelled](Cause::Cancelled): exactly then, also when the drop comes
    /// from a panic somewhere else. A panic within the closure is told apart as
    /// [panicked](Cause::Panicked).
    ///
    /// The future allocates nothing, and can be sent to another thread if the data, the witness
    /// and the closure can.
    ///
    /// # Errors
    ///
    /// As [`change`](Poison::change).
    ///
    /// # Panics
    ///
    /// When the closure does.
    ///
    /// ```
    /// use heliostat_poison::{Error, Poison};
    /// use tokio::{sync::Mutex, time::{Duration, sleep, timeout}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let stock = Mutex::new(Poison::new("stock", (10, 0)));
    ///
    /// let transfer = async |pause| {
    ///     let mut stock = stock.lock().await;
    ///     stock
    ///         .run(async |pair| {
    ///             pair.0 -= 3;
    ///             sleep(pause).await;
    ///             pair.1 += 3;
    ///             Ok::<_, Error>(*pair)
    ///         })
    ///         .await
    /// };
    ///
    /// assert_eq!(transfer(Duration::ZERO).await?, (7, 3));
    ///
    /// // This caller has no patience, and the pair is torn.
    /// assert!(timeout(Duration::from_millis(1), transfer(Duration::from_secs(60))).await.is_err());
    /// assert!(transfer(Duration::ZERO).await.unwrap_err().is_cancelled());
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn run<R, X, F>(&mut self, change: F) -> impl Future<Output = Result<R, X>>
    where
        F: AsyncFnOnce(&mut T) -> Result<R, X>,
        X: From<Error>,
    {
        let location = Location::caller();
        async move {
            let (mut scope, data) = Scope::enter(self, location)?;
            let mut future = pin!(change(data));
            let result = poll_fn(|context| {
                scope.ending = Cause::Panicked;
                let poll = future.as_mut().poll(context);
                scope.ending = Cause::Cancelled;
                poll
            })
            .await;
            scope.close(result)
        }
    }
}

/// A scope without its data, which the closure has.
struct Scope<'a, W: Witness> {
    what: &'static str,
    state: &'a mut State,
    // Borrowed mutably only so that the scope can be sent wherever the witness can.
    witness: &'a mut W,
    location: &'static Location<'static>,
    /// What it means if the scope is dropped now.
    ending: Cause,
}

impl<'a, W: Witness> Scope<'a, W> {
    #[inline]
    fn enter<T: ?Sized>(
        poison: &'a mut Poison<T, W>,
        location: &'static Location<'static>,
    ) -> Result<(Self, &'a mut T), Error> {
        poison.open()?;
        let Poison { what, state, witness, data } = poison;
        Ok((Self { what, state, witness, location, ending: Cause::Panicked }, data))
    }

    #[inline]
    fn close<R, X>(mut self, result: Result<R, X>) -> Result<R, X> {
        match result {
            Ok(_) => *self.state = State::Whole,
            Err(_) => self.end(Cause::Failed, Some(type_name::<X>())),
        }
        result
    }

    fn end(&mut self, cause: Cause, note: Option<&'static str>) {
        let location = self.location;
        self.state.poison(self.what, self.witness, Ending { cause, location, note });
    }
}

impl<W: Witness> Drop for Scope<'_, W> {
    #[inline]
    fn drop(&mut self) {
        if matches!(self.state, State::Open) {
            self.end(self.ending, None);
        }
    }
}
