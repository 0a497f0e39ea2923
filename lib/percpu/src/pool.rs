//! A pool of things that are dear to make and cheap to use again.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

use crate::Error;
use crate::index::{ByCid, Index};
use crate::list::{FreeList, Item};

/// A [`FreeList`] that knows how to make what it does not have.
///
/// It never holds more things than were out at the same time, and [`Pool::shrink`] lets go of all
/// that are in.
///
/// ```
/// use heliostat_percpu::Pool;
///
/// let buffers: Pool<Vec<u8>> = Pool::new(|| Vec::with_capacity(4096));
/// let mut buffer = buffers.take();
/// buffer.clear();
/// buffer.extend_from_slice(b"an answer");
/// // Goes back when it goes out of scope, as it is: whoever takes it next clears it.
/// ```
pub struct Pool<T: Send, I: Index = ByCid> {
    list: FreeList<T, I>,
    make: Box<dyn Fn() -> T + Send + Sync>,
}

impl<T: Send, I: Index> Pool<T, I> {
    /// A pool of what `make` makes.
    #[must_use]
    pub fn new(make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self { list: FreeList::with_index(), make: Box::new(make) }
    }

    /// Takes a thing out, or makes one.
    #[inline]
    pub fn take(&self) -> Pooled<'_, T, I> {
        let item = self.list.pop().unwrap_or_else(|| self.make_one());
        Pooled { pool: self, item: ManuallyDrop::new(item) }
    }

    /// Drops everything that is in the pool, and says how much that was.
    ///
    /// # Errors
    ///
    /// As [`FreeList::drain`].
    pub fn shrink(&self) -> Result<usize, Error> {
        self.list.drain().map(Iterator::count)
    }

    #[cold]
    fn make_one(&self) -> Item<T> {
        Item::new((self.make)())
    }
}

impl<T: Send, I: Index> fmt::Debug for Pool<T, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("list", &self.list).finish_non_exhaustive()
    }
}

/// A thing that goes back to its [`Pool`] when dropped.
#[derive(Debug)]
pub struct Pooled<'a, T: Send, I: Index = ByCid> {
    pool: &'a Pool<T, I>,
    /// Taken when the guard is dropped, and only then.
    item: ManuallyDrop<Item<T>>,
}

impl<T: Send, I: Index> Deref for Pooled<'_, T, I> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

impl<T: Send, I: Index> DerefMut for Pooled<'_, T, I> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.item
    }
}

impl<T: Send, I: Index> Drop for Pooled<'_, T, I> {
    fn drop(&mut self) {
        // SAFETY: the guard is going away, so nobody looks at the item again.
        let item = unsafe { ManuallyDrop::take(&mut self.item) };
        self.pool.list.push(item);
    }
}

#[cfg(test)]
#[path = "tests/pool.rs"]
mod tests;
