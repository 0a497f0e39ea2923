//! x
crate::tests!();
pub fn parent() -> ! { loop {} }
