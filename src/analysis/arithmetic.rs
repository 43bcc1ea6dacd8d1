//! The arithmetic of the incident's post-mortem (7 November 2025), redone line by line.
//!
//! The constants below are the document's own figures; the rest is worked out from them, and from
//! what the same wirings left in Go.

use std::time::Duration;

use super::expectation::Horizon;
use super::go_reference;
use super::observed::Observed;
use crate::model::predict::{Line, LineVerdict};

/// The containers of the document (section 5).
pub const CONTAINERS: u64 = 50;
/// Its rotation interval (sections 1 and 5).
pub const ROTATION: Duration = Duration::from_secs(5 * 60);
/// The time within which it saw the growth (sections 3 and 5).
pub const DURATION: Duration = Duration::from_secs(58 * 60);
/// The growth that it saw: goroutines (section 3) and file descriptors (section 7).
pub const OBSERVED: Observed = Observed {
    tasks: 1830,
    fds: Some(937),
};

/// The factor that the document works out (section 5) and uses (section 9).
const DOCUMENT_FACTOR: f64 = 3.15;
/// The rotations that section 9 multiplies by; section 5 divides by 11.6 of each container.
const DOCUMENT_ROTATIONS: f64 = 11.0;
/// What section 9 makes of the two.
const DOCUMENT_MATCH: f64 = 1732.0;
/// The rotations that section 3 takes to happen at once.
const DOCUMENT_AT_A_TIME: f64 = 10.0;

/// Whether these are the conditions of the document.
pub fn is_the_incident(horizon: Horizon, observed: Option<Observed>) -> bool {
    horizon.load.containers == CONTAINERS
        && horizon.load.rotation == ROTATION
        && horizon.duration == DURATION
        && observed.is_none_or(|observed| observed == OBSERVED)
}

/// The lines in the order of the document, each with the figure that its own arithmetic gives.
///
/// # Errors
/// Only where the catalogue lacks one of the Go figures that the lines are held against.
pub fn lines() -> anyhow::Result<Vec<Line>> {
    let figures = Figures::new()?;
    let mut lines = Vec::from(before_the_calculation(&figures));
    lines.extend(calculation(&figures));
    lines.extend(conclusions(&figures));
    Ok(lines)
}

/// What the lines share.
struct Figures {
    goroutines: f64,
    fds: f64,
    containers: f64,
    /// Rotations of a container within the duration, fraction included.
    fractional: f64,
    /// Whole ones.
    whole: f64,
    per_hour: f64,
    minutes: f64,
    /// Left in Go per rotation of a container: by the incident's wiring, and with its one-line fix.
    go_old: f64,
    go_line_fix: f64,
}

impl Figures {
    fn new() -> anyhow::Result<Self> {
        let minutes = DURATION.as_secs_f64() / 60.0;
        let interval = ROTATION.as_secs_f64() / 60.0;
        let containers = CONTAINERS as f64;
        Ok(Self {
            goroutines: OBSERVED.tasks as f64,
            fds: OBSERVED.fds.unwrap_or_default() as f64,
            containers,
            fractional: minutes / interval,
            whole: (minutes / interval).floor(),
            per_hour: containers * 60.0 / interval,
            minutes,
            go_old: go_reference::goroutines("old")?,
            go_line_fix: go_reference::goroutines("line-fix")?,
        })
    }

    /// Rotations in the duration as section 5 counts them: 580.
    fn rotations(&self) -> f64 {
        self.containers * self.fractional
    }

    /// Rotations that come due: 550.
    fn whole_rotations(&self) -> f64 {
        self.containers * self.whole
    }

    /// Goroutines per rotation: the factor, unrounded.
    fn factor(&self) -> f64 {
        self.goroutines / self.rotations()
    }
}

fn before_the_calculation(figures: &Figures) -> [Line; 2] {
    let (goroutines, containers) = (figures.goroutines, figures.containers);
    [
        line(
            3,
            "goroutines that end at once: 10 rotations × 2",
            "20",
            DOCUMENT_AT_A_TIME,
            LineVerdict::Slips,
            "of the two goroutines only the reader ends at a rotation; section 1 says that the \
             heartbeat lives as long as its container"
                .into(),
        ),
        implied(line(
            3,
            "goroutines left when readerWg.Wait() never returns",
            "1830",
            containers * figures.go_old,
            LineVerdict::Slips,
            format!(
                "a container that waits for ever makes no further rotation, so that it keeps one \
                 stream at most: {containers} readers, and with their connections in Go \
                 {containers} × {:.2} = {}, however long it takes. A deadlock hangs; it does not \
                 grow to {goroutines}",
                figures.go_old,
                containers * figures.go_old,
            ),
        )),
    ]
}

fn calculation(figures: &Figures) -> [Line; 5] {
    let Figures {
        goroutines,
        containers,
        fractional,
        whole,
        per_hour,
        go_old,
        ..
    } = figures;
    let (rotations, whole_rotations) = (figures.rotations(), figures.whole_rotations());
    let factor = figures.factor();
    [
        line(
            5,
            "rotations per hour: 50 × 12",
            "600",
            *per_hour,
            LineVerdict::Holds,
            "60 min / 5 min = 12 of each container".into(),
        ),
        line(
            5,
            "orphaned readers per hour, one per rotation",
            "600",
            *per_hour,
            LineVerdict::Holds,
            format!(
                "of readers alone. In Go (a reference) each takes two goroutines of its connection \
                 along: {go_old:.2} per rotation, {} per hour",
                go_old * per_hour
            ),
        ),
        line(
            5,
            "rotations in 58 min: 600 × 58/60",
            "580",
            whole_rotations,
            LineVerdict::Slips,
            format!(
                "580 takes {fractional:.1} rotations of each container, and a stream rotates whole \
                 times: {whole} × {containers} = {whole_rotations}, streams opened as the time \
                 begins. Section 9 itself counts {whole}"
            ),
        ),
        line(
            5,
            "goroutines per rotation: 1830 / 580",
            "3.15",
            factor,
            LineVerdict::Slips,
            format!(
                "{goroutines} / {rotations} = {factor:.3}, cut off instead of rounded; over the \
                 {whole_rotations} whole rotations it is {:.3}",
                goroutines / whole_rotations
            ),
        ),
        line(
            5,
            "of these, hidden beside the reader",
            "2 to 3",
            factor - 1.0,
            LineVerdict::Holds,
            format!(
                "Go (a reference) has exactly {:.0}: the readLoop and the writeLoop of the \
                 stream's connection",
                go_old - 1.0
            ),
        ),
    ]
}

fn conclusions(figures: &Figures) -> [Line; 7] {
    let Figures {
        goroutines,
        fds,
        containers,
        minutes,
        go_old,
        go_line_fix,
        ..
    } = figures;
    let (rotations, whole_rotations) = (figures.rotations(), figures.whole_rotations());
    let per_minute = figures.per_hour / 60.0;
    let missed = goroutines - DOCUMENT_MATCH;
    [
        line(
            7,
            "goroutines per fd: 1830 : 937",
            "almost 2",
            goroutines / fds,
            LineVerdict::Holds,
            "that is a connection without a reader: two goroutines and one fd in Go".into(),
        ),
        implied(line(
            9,
            "goroutines per fd where each rotation forgets a reader and its stream",
            "1.95",
            *go_old,
            LineVerdict::Slips,
            format!(
                "a forgotten reader with its connection is {go_old:.2} : 1 in Go (a reference), \
                 and {fds} fds would come with {} goroutines. Readers beside other connections \
                 would lie between 2 and 3, never below 2. By inference, what leaked were idle \
                 connections of health checks, 2 : 1, and not readers",
                go_old * fds
            ),
        )),
        implied(line(
            9,
            "fds per rotation where each rotation forgets one stream",
            "1",
            fds / rotations,
            LineVerdict::Slips,
            format!(
                "a stream has one connection, and that one fd: {rotations} streams cannot hold \
                 {fds}. {} fds belong to no stream; of {whole_rotations} whole rotations, {}",
                fds - rotations,
                fds - whole_rotations
            ),
        )),
        line(
            9,
            "all in all 3.15 × 50 × 11, \"match!\"",
            "1732",
            *goroutines,
            LineVerdict::Slips,
            format!(
                "{DOCUMENT_MATCH} misses {goroutines} by {missed} ({:.1}%): section 5 divides by \
                 {rotations} rotations, section 9 multiplies by {}. With either \
                 count in both places it gives {goroutines} whatever the cause, for the factor was \
                 made from {goroutines}: no evidence",
                100.0 * missed / goroutines,
                containers * DOCUMENT_ROTATIONS
            ),
        ),
        line(
            9,
            "hidden goroutines per rotation (\"delta\")",
            "3.15",
            figures.factor() - 1.0,
            LineVerdict::Slips,
            "3.15 counts the reader in; section 5 takes it off".into(),
        ),
        line(
            10,
            "growth per minute",
            "30.50",
            goroutines / minutes,
            LineVerdict::Slips,
            format!(
                "{:.2} is {goroutines} over 60 minutes; it grew in {minutes}",
                goroutines / 60.0
            ),
        ),
        line(
            10,
            "growth per minute after the line fix",
            "< 2.00",
            go_line_fix * per_minute,
            LineVerdict::Slips,
            format!(
                "Go (a reference) still leaves {go_line_fix:.2} per rotation of a container, with \
                 {per_minute} rotations a minute. By the document's own factor, one reader off \
                 {DOCUMENT_FACTOR} leaves {:.2}, or {:.1} a minute",
                DOCUMENT_FACTOR - 1.0,
                (DOCUMENT_FACTOR - 1.0) * per_minute
            ),
        ),
    ]
}

fn line(
    section: u8,
    claim: &str,
    says: &str,
    gives: f64,
    verdict: LineVerdict,
    why: String,
) -> Line {
    Line {
        section,
        claim: claim.into(),
        says: says.into(),
        implied: false,
        gives,
        verdict,
        why,
    }
}

/// The document does not write the figure down; it follows from what it says.
fn implied(line: Line) -> Line {
    Line {
        implied: true,
        ..line
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
    fn a_figure_that_holds_is_the_one_that_is_given() {
        for line in lines().expect("the catalogue has Go's figures") {
            let Ok(says) = line.says.parse::<f64>() else {
                continue;
            };
            let agrees = (says - line.gives).abs() < 0.005;
            assert_eq!(agrees, line.verdict == LineVerdict::Holds, "{line:?}");
        }
    }

    #[test]
    fn the_product_called_a_match_is_the_documents_own() {
        let product = DOCUMENT_FACTOR * CONTAINERS as f64 * DOCUMENT_ROTATIONS;
        assert_eq!(product.floor(), DOCUMENT_MATCH);
    }
}
