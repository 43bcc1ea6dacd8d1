//! The arithmetic of the incident's post-mortem (7 November 2025), redone line by line.
//!
//! The document's own figures and its claims are data; the rest is worked out from them, and from
//! what the same wirings left in Go.

use leakcheck_report::model::predict::{ArithmeticLine, LineVerdict};

use super::expectation::Horizon;
use super::go_reference;
use super::observed::Observed;
use super::post_mortem::{Figure, Meaning, POST_MORTEM, PostMortem, PostMortemClaim};

/// Whether these are the conditions of the document.
pub fn is_the_incident(horizon: Horizon, observed: Option<Observed>) -> bool {
    let incident = &POST_MORTEM.observed;
    let growth = Observed {
        tasks: incident.goroutines,
        fds: Some(incident.fds),
    };
    horizon.load.containers == incident.containers
        && horizon.load.rotation == incident.rotation
        && horizon.duration == incident.duration
        && observed.is_none_or(|observed| observed == growth)
}

/// The lines in the order of the document, each with the figure that its own arithmetic gives.
///
/// # Errors
/// Only where the catalogue lacks one of the Go figures that the lines are held against, or where a
/// claim says no figure.
pub fn lines() -> anyhow::Result<Vec<ArithmeticLine>> {
    let figures = WorkedOut::new(&POST_MORTEM)?;
    let claims = POST_MORTEM.claims.iter();
    claims.map(|claim| line(claim, &figures)).collect()
}

fn line(claim: &PostMortemClaim, figures: &WorkedOut) -> anyhow::Result<ArithmeticLine> {
    let gives = figures.value(claim.gives);
    Ok(ArithmeticLine {
        section: claim.section,
        claim: claim.claim.clone(),
        says: claim.says.clone(),
        implied: claim.implied,
        gives,
        verdict: match claim.agrees_with(gives)? {
            true => LineVerdict::Holds,
            false => LineVerdict::Slips,
        },
        why: claim.why.fill(|figure| figures.value(figure)),
    })
}

impl PostMortemClaim {
    /// Whether what the document says is what its arithmetic gives, to two decimals.
    fn agrees_with(&self, gives: f64) -> anyhow::Result<bool> {
        Ok(match self.means {
            None => (self.says.parse::<f64>()? - gives).abs() < 0.005,
            Some(Meaning::Between(low, high)) => (low..=high).contains(&gives),
            Some(Meaning::Almost(limit)) => (0.95 * limit..limit).contains(&gives),
            Some(Meaning::Below(limit)) => gives < limit,
        })
    }
}

/// What every figure is worked out from.
struct WorkedOut {
    goroutines: f64,
    fds: f64,
    containers: f64,
    minutes: f64,
    /// The rotation's interval, in minutes.
    interval: f64,
    /// The document's own.
    at_once: f64,
    document_factor: f64,
    document_rotations_of_each: f64,
    product: f64,
    /// Left in Go per rotation of a container: by the incident's wiring, and with its one-line fix.
    go_old: f64,
    go_line_fix: f64,
}

impl WorkedOut {
    fn new(post_mortem: &PostMortem) -> anyhow::Result<Self> {
        let PostMortem {
            observed, document, ..
        } = post_mortem;
        Ok(Self {
            goroutines: observed.goroutines as f64,
            fds: observed.fds as f64,
            containers: observed.containers as f64,
            minutes: observed.duration.as_secs_f64() / 60.0,
            interval: observed.rotation.as_secs_f64() / 60.0,
            at_once: document.rotations_at_once,
            document_factor: document.factor,
            document_rotations_of_each: document.rotations_per_container,
            product: document.product,
            go_old: go_reference::goroutines("old")?,
            go_line_fix: go_reference::goroutines("line-fix")?,
        })
    }

    fn value(&self, figure: Figure) -> f64 {
        match figure {
            Figure::Containers => self.containers,
            Figure::Minutes => self.minutes,
            Figure::Goroutines => self.goroutines,
            Figure::Fds => self.fds,
            Figure::RotationsAtOnce => self.at_once,
            Figure::DocumentFactor => self.document_factor,
            Figure::DocumentFactorWithoutReader => self.document_factor - 1.0,
            Figure::DocumentFactorWithoutReaderPerMinute => {
                (self.document_factor - 1.0) * self.rotations_per_minute()
            }
            Figure::MultipliedRotations => self.containers * self.document_rotations_of_each,
            Figure::Product => self.product,
            Figure::Missed => self.goroutines - self.product,
            Figure::MissedPercent => 100.0 * (self.goroutines - self.product) / self.goroutines,
            Figure::RotationsOfEach => self.rotations_of_each(),
            Figure::WholeRotationsOfEach => self.rotations_of_each().floor(),
            Figure::Rotations => self.rotations(),
            Figure::WholeRotations => self.whole_rotations(),
            Figure::RotationsPerHour => self.rotations_per_hour(),
            Figure::RotationsPerMinute => self.rotations_per_minute(),
            Figure::Factor => self.factor(),
            Figure::FactorOfWholeRotations => self.goroutines / self.whole_rotations(),
            Figure::FactorWithoutReader => self.factor() - 1.0,
            Figure::GoroutinesPerFd => self.goroutines / self.fds,
            Figure::FdsPerRotation => self.fds / self.rotations(),
            Figure::FdsWithoutStream => self.fds - self.rotations(),
            Figure::FdsWithoutWholeRotation => self.fds - self.whole_rotations(),
            Figure::GrowthPerMinute => self.goroutines / self.minutes,
            Figure::GrowthPerMinuteOfAnHour => self.goroutines / 60.0,
            Figure::LeftInGo => self.go_old,
            Figure::LeftInGoWithoutReader => self.go_old - 1.0,
            Figure::LeftInGoPerHour => self.go_old * self.rotations_per_hour(),
            Figure::LeftInGoBesideTheFds => self.go_old * self.fds,
            Figure::LeftByOneStreamOfEach => self.containers * self.go_old,
            Figure::LineFixInGo => self.go_line_fix,
            Figure::LineFixInGoPerMinute => self.go_line_fix * self.rotations_per_minute(),
        }
    }

    /// Rotations of a container within the duration, fraction included: 11.6.
    fn rotations_of_each(&self) -> f64 {
        self.minutes / self.interval
    }

    /// Rotations in the duration as section 5 counts them: 580.
    fn rotations(&self) -> f64 {
        self.containers * self.rotations_of_each()
    }

    /// Rotations that come due: 550.
    fn whole_rotations(&self) -> f64 {
        self.containers * self.rotations_of_each().floor()
    }

    fn rotations_per_hour(&self) -> f64 {
        self.containers * 60.0 / self.interval
    }

    fn rotations_per_minute(&self) -> f64 {
        self.rotations_per_hour() / 60.0
    }

    /// Goroutines per rotation: the factor, unrounded.
    fn factor(&self) -> f64 {
        self.goroutines / self.rotations()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gives(claim: &str) -> (f64, LineVerdict) {
        let lines = lines().expect("the catalogue has Go's figures");
        let line = lines.iter().find(|line| line.claim.contains(claim));
        let line = line.expect("a line");
        (line.gives, line.verdict)
    }

    #[test]
    fn each_line_gives_the_figure_of_its_arithmetic() {
        use LineVerdict::{Holds, Slips};
        for (claim, figure, verdict) in [
            ("rotations per hour", 600.0, Holds),
            ("rotations in 58 min", 550.0, Slips),
            ("1830 / 580", 3.155, Slips),
            ("hidden beside the reader", 2.155, Holds),
            ("1830 : 937", 1.953, Holds),
            ("fds per rotation", 1.616, Slips),
            ("3.15 × 50 × 11", 1830.0, Slips),
            ("after the line fix", 25.0, Slips),
        ] {
            let (given, judged) = gives(claim);
            assert!((given - figure).abs() < 0.001, "{claim}: {given}");
            assert_eq!(judged, verdict, "{claim}");
        }
        let (per_minute, _) = gives("growth per minute");
        assert!((per_minute - 31.55).abs() < 0.005, "{per_minute}");
    }

    #[test]
    fn what_a_figure_says_in_words_holds_within_what_they_mean() {
        for (means, holds, slips) in [
            (Meaning::Between(2.0, 3.0), [2.0, 3.0], [1.999, 3.001]),
            (Meaning::Almost(2.0), [1.9, 1.999], [1.899, 2.0]),
            (Meaning::Below(2.0), [0.0, 1.999], [2.0, 2.001]),
        ] {
            let claim = PostMortemClaim {
                means: Some(means),
                ..claim("in words")
            };
            let agrees = |gives| claim.agrees_with(gives).expect("a meaning");
            assert_eq!(holds.map(agrees), [true, true], "{means:?}");
            assert_eq!(slips.map(agrees), [false, false], "{means:?}");
        }
        assert!(claim("in words").agrees_with(1.0).is_err());
        assert!(claim("1.00").agrees_with(1.004).expect("a figure"));
        assert!(!claim("1.00").agrees_with(1.006).expect("a figure"));
    }

    fn claim(says: &str) -> PostMortemClaim {
        PostMortemClaim {
            section: 1,
            claim: "c".into(),
            says: says.into(),
            means: None,
            implied: false,
            gives: Figure::Fds,
            why: "w".to_owned().try_into().expect("no figure in it"),
        }
    }

    #[test]
    fn the_product_called_a_match_is_the_documents_own() {
        let document = &POST_MORTEM.document;
        let containers = POST_MORTEM.observed.containers as f64;
        let product = document.factor * containers * document.rotations_per_container;
        assert_eq!(product.floor(), document.product);
    }
}
