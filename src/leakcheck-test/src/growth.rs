//! The rule that tells a leak from noise: a count leaks if it grew in every round. One that grew in some
//! rounds only may be a pool that fills, or a task that was late.

/// The growth of the round in which a count grew least. `None` if there are fewer than two readings, or if one
/// of them is unknown: nobody knows then by how much it grew.
pub fn weakest_growth(readings: impl IntoIterator<Item = Option<u64>>) -> Option<i64> {
    let mut readings = readings.into_iter();
    let mut before = readings.next()??;
    let mut weakest = None;
    for reading in readings {
        let growth = signed_difference(before, reading?);
        weakest = Some(weakest.map_or(growth, |weakest: i64| weakest.min(growth)));
        before = reading?;
    }
    weakest
}

/// Whether a count leaks whose weakest round grew it by so much: whether it grew in every round.
pub fn is_leak(weakest_growth: Option<i64>) -> bool {
    weakest_growth > Some(0)
}

/// By how much a count grew from one reading to another; what is beyond the range is its end.
pub fn signed_difference(before: u64, after: u64) -> i64 {
    let growth = i128::from(after) - i128::from(before);
    growth.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weakest_round_decides() {
        assert_eq!(weakest_growth([Some(1), Some(3), Some(4)]), Some(1));
        assert!(is_leak(weakest_growth([Some(1), Some(3), Some(4)])));
        assert!(!is_leak(weakest_growth([Some(1), Some(3), Some(3)])));
        assert_eq!(weakest_growth([Some(5), Some(2)]), Some(-3));
    }

    #[test]
    fn what_was_not_read_did_not_grow() {
        assert_eq!(weakest_growth([]), None);
        assert_eq!(weakest_growth([Some(1)]), None);
        assert_eq!(weakest_growth([Some(1), None, Some(3)]), None);
        assert_eq!(weakest_growth([None, Some(3)]), None);
    }

    #[test]
    fn counts_beyond_all_reason_do_not_overflow() {
        assert_eq!(weakest_growth([Some(0), Some(u64::MAX)]), Some(i64::MAX));
        assert_eq!(weakest_growth([Some(u64::MAX), Some(0)]), Some(i64::MIN));
    }
}
