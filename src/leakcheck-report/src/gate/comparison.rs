//! How a gate compares what was measured with what it demands.

use std::fmt;

/// A comparison's operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<=`
    AtMost,
    /// `<`
    Below,
    /// `>=`
    AtLeast,
    /// `>`
    Above,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
}

impl Comparison {
    /// All operators; one that another begins with stands behind it.
    pub const ALL: [Self; 6] = [
        Self::AtMost,
        Self::Below,
        Self::AtLeast,
        Self::Above,
        Self::Equal,
        Self::Unequal,
    ];

    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::AtMost => "<=",
            Self::Below => "<",
            Self::AtLeast => ">=",
            Self::Above => ">",
            Self::Equal => "==",
            Self::Unequal => "!=",
        }
    }

    /// Whether a measured value meets the bound, exactly; -0 is 0.
    #[allow(
        clippy::float_cmp,
        reason = "a tolerance would let the smallest leak pass"
    )]
    pub fn holds(self, measured: f64, bound: f64) -> bool {
        match self {
            Self::AtMost => measured <= bound,
            Self::Below => measured < bound,
            Self::AtLeast => measured >= bound,
            Self::Above => measured > bound,
            Self::Equal => measured == bound,
            Self::Unequal => measured != bound,
        }
    }

    /// How far a measured value lies on the wrong side of the bound; negative on the right side.
    pub fn excess(self, measured: f64, bound: f64) -> f64 {
        match self {
            Self::AtMost | Self::Below => measured - bound,
            Self::AtLeast | Self::Above => bound - measured,
            Self::Equal => (measured - bound).abs(),
            Self::Unequal => -(measured - bound).abs(),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_compared_exactly_and_negative_zero_is_zero() {
        assert!(Comparison::AtMost.holds(-0.0, 0.0));
        assert!(Comparison::Equal.holds(-0.0, 0.0));
        assert!(!Comparison::Below.holds(-0.0, 0.0));
        assert!(!Comparison::AtMost.holds(f64::MIN_POSITIVE, 0.0));
        assert!(Comparison::Unequal.holds(f64::MIN_POSITIVE, 0.0));
    }
}
