//! What a gate's condition comes to for one wiring. What is not known never holds, and a monitor
//! that is not alive passes no gate on leaks.

use super::comparison::Comparison;
use super::expression::Condition;
use crate::model::metric::Metric;
use crate::model::report::{Outcome, Verdict, WiringReport};

/// What a condition came to for one wiring.
pub(super) struct Weighed<'a> {
    /// The wiring's name.
    pub(super) wiring: &'a str,
    /// What it came to.
    pub(super) outcome: Outcome,
    /// The figure that was asked for, where it is known.
    pub(super) measured: Option<f64>,
    /// How far it is from holding; negative where it holds.
    excess: f64,
    /// Why, in a sentence.
    pub(super) reason: String,
}

impl Weighed<'_> {
    /// Orders by how badly they came off, the best first.
    pub(super) fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let by_excess = self.excess.total_cmp(&other.excess);
        self.outcome.cmp(&other.outcome).then(by_excess)
    }
}

impl Condition {
    /// Weighs one wiring.
    pub(super) fn weigh(self, wiring: &WiringReport) -> Weighed<'_> {
        let measured = match self {
            Self::Figure { metric, .. } => metric.of(wiring),
            Self::Verdict { .. } => None,
        };
        let by_its_value = || match self {
            Self::Figure {
                metric,
                comparison,
                bound,
            } => weigh_figure(wiring, measured, metric, comparison, bound),
            Self::Verdict { equal, verdict } => {
                let held = (wiring.verdict == verdict) == equal;
                (outcome(held), 0.0, state(wiring))
            }
        };
        let dead = matches!(wiring.verdict, Verdict::Hung | Verdict::Starved);
        let (outcome, excess, reason) = match wiring.verdict {
            Verdict::Inconclusive if !self.asks_whether_inconclusive() => {
                (Outcome::NoVerdict, 0.0, state(wiring))
            }
            _ if dead && self.is_of_leak() => {
                let measured = measured.map_or_else(String::new, |measured| {
                    format!("; that it measured {measured} proves nothing")
                });
                let reason = state(wiring) + &measured;
                (Outcome::Failed, f64::INFINITY, reason)
            }
            _ => by_its_value(),
        };
        Weighed {
            wiring: &wiring.name,
            outcome,
            measured,
            excess,
            reason,
        }
    }

    fn asks_whether_inconclusive(self) -> bool {
        let verdict = Verdict::Inconclusive;
        matches!(self, Self::Verdict { verdict: asked, .. } if asked == verdict)
    }

    /// Whether it is met by a monitor that does not leak, and so by one that is dead.
    fn is_of_leak(self) -> bool {
        match self {
            Self::Figure { metric, .. } => metric.is_of_leak(),
            Self::Verdict { equal, verdict } => !equal && verdict == Verdict::Leaking,
        }
    }
}

fn weigh_figure(
    wiring: &WiringReport,
    measured: Option<f64>,
    metric: Metric,
    comparison: Comparison,
    bound: f64,
) -> (Outcome, f64, String) {
    let name = &wiring.name;
    let Some(measured) = measured else {
        let reason = format!("{} of {name} is not known", metric.name());
        return (Outcome::NoVerdict, 0.0, reason);
    };
    let held = comparison.holds(measured, bound);
    let reason = match held {
        true => format!("{name} measured {measured}"),
        false => format!("{name} measured {measured}, not {comparison} {bound}"),
    };
    (outcome(held), comparison.excess(measured, bound), reason)
}

fn outcome(held: bool) -> Outcome {
    if held { Outcome::Held } else { Outcome::Failed }
}

/// The verdict and what it rests on.
pub(super) fn state(wiring: &WiringReport) -> String {
    let verdict = wiring.verdict.word();
    format!("{} is {verdict}: {}", wiring.name, wiring.reason)
}
