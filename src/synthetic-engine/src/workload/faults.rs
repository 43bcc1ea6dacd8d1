//! The faults that have a name, what each does, and those of one container.

use std::fmt::Write;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Something that goes wrong at an engine, or on the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A log request is never answered.
    Stall,
    /// A log request is answered late.
    SlowHeaders,
    /// A stream falls silent for good while its connection stays open.
    HalfOpen,
    /// A connection breaks in the middle of a frame.
    ResetMidFrame,
    /// A stream ends in order in the middle of a frame.
    TruncatedFrame,
    /// A frame claims to have up to 4 GiB.
    OversizedLength,
    /// A stream comes byte by byte.
    SplitFrames,
    /// Random bytes stand in the place of a frame.
    Garbage,
    /// A connection is closed between two frames, and the response has no end.
    EofWithoutChunkEnd,
    /// A log request is answered with 500.
    #[serde(rename = "error-500")]
    Error500,
    /// A log request is answered with 409.
    #[serde(rename = "error-409")]
    Error409,
    /// Lines share their timestamps.
    DuplicateTimestamps,
    /// Timestamps go back and forth.
    OutOfOrderTimestamps,
    /// The engine's clock jumps ahead.
    ClockJump,
    /// The engine's clock jumps back.
    ClockJumpBack,
    /// A container ends at the moment at which its next stream is opened, and starts again.
    ContainerExit,
    /// The engine ends and starts again.
    EngineRestart,
    /// From some rotation on no log request is answered any more. To a client a connection that nobody
    /// accepts looks the same; the engine accepts it in order to count it.
    NeverAccepts,
}

/// What is to be known of a fault.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// The fault.
    pub fault: Fault,
    /// What `--fault` calls it.
    pub name: &'static str,
    /// What happens, in a line.
    pub meaning: &'static str,
    /// What it strikes.
    pub target: Target,
    /// Why no follower comes through it, where none can.
    pub why_not: Option<&'static str>,
}

/// What a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The answer to a log request: of any container.
    Answer,
    /// A stream's lines: of a container that prints.
    Lines,
    /// The timestamps of a container that prints.
    Timestamps,
    /// The whole engine, by way of one container that prints.
    Engine,
}

impl Target {
    /// Whether it takes a container that prints.
    pub fn needs_lines(self) -> bool {
        self != Self::Answer
    }
}

/// The faults of one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerFaults {
    /// Which: in each rotation one of them.
    pub faults: Vec<Fault>,
    /// The seed of the run.
    pub seed: u64,
    /// The container's number in the fleet.
    pub number: u64,
    /// The last rotation in which it may be struck; `None` where all may be.
    pub last_rotation: Option<u64>,
}

impl ContainerFaults {
    /// What is drawn for a rotation of this container; 0 is for what holds in all of them.
    pub(crate) fn draw(&self, rotation: u64) -> ChaCha8Rng {
        let mut draw = ChaCha8Rng::seed_from_u64(self.seed);
        draw.set_stream((self.number << 32) ^ rotation);
        draw
    }
}

/// Every fault, in the order of the variants.
pub const ALL: [Known; 18] = [
    known(
        Fault::Stall,
        "stall",
        "a log request is accepted and never answered",
        Target::Answer,
    ),
    known(
        Fault::SlowHeaders,
        "slow-headers",
        "a log request is answered 0.2 to 0.6 s late",
        Target::Answer,
    ),
    known(
        Fault::HalfOpen,
        "half-open",
        "a stream falls silent for good, and its connection stays open",
        Target::Lines,
    ),
    known(
        Fault::ResetMidFrame,
        "reset-mid-frame",
        "the connection breaks in the middle of a frame",
        Target::Lines,
    ),
    known(
        Fault::TruncatedFrame,
        "truncated-frame",
        "the response ends in order, in the middle of a frame",
        Target::Lines,
    ),
    known(
        Fault::OversizedLength,
        "oversized-length",
        "a frame claims to have 2 to 4 GiB",
        Target::Lines,
    ),
    known(
        Fault::SplitFrames,
        "split-frames",
        "the stream comes byte by byte: frames are split at every boundary",
        Target::Lines,
    ),
    known(
        Fault::Garbage,
        "garbage",
        "random bytes in the place of a frame",
        Target::Lines,
    ),
    known(
        Fault::EofWithoutChunkEnd,
        "eof-without-chunk-end",
        "the connection is closed between two frames, the response unfinished",
        Target::Lines,
    ),
    known(
        Fault::Error500,
        "error-500",
        "a log request is answered with 500, the next one as ever",
        Target::Answer,
    ),
    known(
        Fault::Error409,
        "error-409",
        "a log request is answered with 409, as of a container being removed",
        Target::Answer,
    ),
    known(
        Fault::DuplicateTimestamps,
        "duplicate-timestamps",
        "lines are printed in pairs that share one timestamp",
        Target::Timestamps,
    ),
    known(
        Fault::OutOfOrderTimestamps,
        "out-of-order-timestamps",
        "lines are printed in pairs, the later timestamp first",
        Target::Timestamps,
    ),
    known(
        Fault::ClockJump,
        "clock-jump",
        "every 8 to 24 lines the engine's clock jumps an hour ahead",
        Target::Timestamps,
    ),
    Known {
        why_not: Some(
            "a stream is resumed by time, and the engine leaves out what is stamped as older",
        ),
        ..known(
            Fault::ClockJumpBack,
            "clock-jump-back",
            "every 8 to 24 lines the engine's clock jumps an hour back",
            Target::Timestamps,
        )
    },
    known(
        Fault::ContainerExit,
        "container-exit",
        "a container ends as its next stream is opened, and starts again",
        Target::Answer,
    ),
    known(
        Fault::EngineRestart,
        "engine-restart",
        "the engine ends, and starts again 0.2 s later",
        Target::Engine,
    ),
    Known {
        why_not: Some("nobody rotates a stream of an engine that answers nobody"),
        ..known(
            Fault::NeverAccepts,
            "never-accepts",
            "from some rotation on no log request gets an answer, for good",
            Target::Answer,
        )
    },
];

const fn known(fault: Fault, name: &'static str, meaning: &'static str, target: Target) -> Known {
    Known {
        fault,
        name,
        meaning,
        target,
        why_not: None,
    }
}

/// Below this likeness a suggestion would be a guess.
const ALIKE: f64 = 0.7;

/// The faults as the help lists them.
pub fn help() -> String {
    let mut help = String::from(
        "Fault that the synthetic engine injects now and then into the streams of its containers, or of a \
         share of them; repeatable. In a rotation a container is struck once at most, as --seed draws it, \
         and in the last one of a run never\n\nPossible values:",
    );
    for known in &ALL {
        let _ = write!(help, "\n- {}: {}", known.name, known.meaning);
    }
    help
}

impl Fault {
    /// What is known of it.
    pub fn known(self) -> &'static Known {
        // They stand in the order of the variants: a test holds them to it.
        &ALL[self as usize]
    }

    /// What `--fault` calls it.
    pub fn name(self) -> &'static str {
        self.known().name
    }

    /// Finds a fault by its name.
    ///
    /// # Errors
    /// Names the nearest fault, and all of them.
    pub fn find(name: &str) -> Result<Self, String> {
        let names = || ALL.iter().map(|known| known.name);
        if let Some(known) = ALL.iter().find(|known| known.name == name) {
            return Ok(known.fault);
        }
        let likeness = |known: &str| strsim::jaro_winkler(name, known);
        let nearest = names().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let nearest = nearest.filter(|known| likeness(known) > ALIKE);
        let hint = nearest.map_or_else(
            || ".".into(),
            |nearest| format!("; did you mean {nearest}?"),
        );
        let all = names().collect::<Vec<_>>().join(", ");
        Err(format!("there is no fault {name:?}{hint} There are {all}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_known_by_its_own_name_and_no_other() {
        for (index, known) in ALL.iter().enumerate() {
            assert_eq!(known.fault as usize, index, "{}", known.name);
            assert_eq!(Fault::find(known.name), Ok(known.fault));
            let in_files = serde_json::to_value(known.fault).expect("a word");
            assert_eq!(in_files, known.name);
        }
    }

    #[test]
    fn a_misspelt_fault_is_answered_with_the_nearest_and_with_all() {
        let message = Fault::find("reset-midframe").expect_err("unknown");
        assert!(
            message.contains("did you mean reset-mid-frame?"),
            "{message}"
        );
        assert!(message.contains("never-accepts"), "{message}");
        let message = Fault::find("zzz").expect_err("unknown");
        assert!(!message.contains("did you mean"), "{message}");
    }
}
