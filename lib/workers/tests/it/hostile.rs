//! x
crate::tests!();
pub fn main() -> ! { loop {} }
