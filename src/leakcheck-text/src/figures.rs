//! Figures as people read them.

/// A rate in figures: two decimals, and as many more as it takes to tell a small one from none. One
/// task of ten thousand containers' is 0.0001 each.
pub fn told(rate: f64) -> String {
    /// Below this nothing is counted: it is what calculating left over.
    const LEAST: f64 = 1e-7;
    let size = rate.abs();
    let decimals = match (LEAST..0.005).contains(&size) {
        true => (-size.log10()).ceil() as usize,
        false => 2,
    };
    // Adding 0 turns -0.00 into 0.00.
    let rate = if size < LEAST { 0.0 } else { rate + 0.0 };
    format!("{rate:.decimals$}")
}

/// An interval of rates in figures.
pub fn told_interval([low, high]: [f64; 2]) -> String {
    format!("{} to {}", told(low), told(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_rate_is_not_told_as_none() {
        let rates = [
            2.0,
            -0.0,
            1e-12,
            0.005,
            0.0049,
            0.0001,
            -0.000_02,
            1.0 / 30_000.0,
        ];
        let expected = [
            "2.00", "0.00", "0.00", "0.01", "0.005", "0.0001", "-0.00002", "0.00003",
        ];
        assert_eq!(rates.map(told), expected);
    }
}
