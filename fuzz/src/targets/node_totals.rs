//! What a serving node says that it has counted, of any bytes.

use heliostat_observe_report::NodeTotals;

/// It is refused, or is the same when it is written and read again.
pub(super) fn target(data: &[u8]) {
    let Ok(totals) = NodeTotals::parse(data) else { return };
    let again = totals.written();
    assert_eq!(NodeTotals::parse(&again).as_ref(), Ok(&totals));
}
