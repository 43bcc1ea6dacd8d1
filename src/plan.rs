//! The plan of a run: what the flags mean, checked, and what it will need.

use std::collections::HashSet;
use std::time::Duration;

use clap::ValueEnum;

use crate::analysis::prediction::{Load, predict};
use crate::analysis::sufficiency;
use crate::duration::millis;
use crate::exit_code::Failure;
use crate::fleet::{self, Fleet};
use crate::monitor::Pace;
use crate::monitor::wiring::{ClientUse, Wiring};
use crate::report::model::Config;

/// The wall time that a rotation takes on the compressed clock, unless a factor is given.
const COMPRESSED_ROTATION: Duration = Duration::from_secs(1);

/// What a worker has open besides its streams: standard streams, the runtime's, and a few to spare.
const WORKER_OWN_FDS: u64 = 32;

/// By how many file descriptors a worker stays below the limit that it shares with its engine: the
/// engine has its own, and the connections on which it is asked how it stands.
pub const FDS_LEFT_TO_ENGINE: u64 = 32;

/// A checked plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What serves the containers.
    pub engine: Engine,
    /// How many containers; with [`Source::Attached`] they are counted when they are found.
    pub containers: usize,
    /// The rotation interval on the monitor's clock.
    pub rotation: Duration,
    /// Rotations; at most so many where the run is to end earlier.
    pub rotations: u64,
    /// When the rotations end.
    pub until: Until,
    /// The wirings to compare.
    pub wirings: Vec<Wiring>,
    /// The monitor's clock.
    pub clock: Clock,
    /// Mean line rate of a chatty container, in wall time.
    pub lines_per_second: f64,
    /// Share of the containers that print nothing.
    pub silent_share: f64,
    /// What the consumer takes for each chunk, in wall time.
    pub consumer_delay: Duration,
    /// Lines that a container prints at once.
    pub burst: u32,
    /// The interval at which each container ends and starts again, on the monitor's clock.
    pub restart: Option<Duration>,
    /// Whether the engine keeps a container's streams open when the container ends.
    pub keep_ended_streams: bool,
    /// The seed of the containers' schedule.
    pub seed: u64,
    /// The scenario that the conditions came from.
    pub scenario: Option<String>,
    /// Whether to serve each worker to tokio-console.
    pub console: bool,
}

/// When the rotations of a wiring end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Until {
    /// When all have been made
    #[default]
    Rotations,
    /// When the evidence suffices, after 5 at the earliest, and all at the latest
    Verdict,
}

/// What serves the containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// A process of leakcheck's own per wiring.
    Synthetic,
    /// A Docker engine.
    Docker {
        /// Its endpoint, as given; `None` asks the environment.
        host: Option<String>,
        /// Where its containers come from.
        source: Source,
    },
}

impl Engine {
    /// The name that `--engine` takes.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Synthetic => "synthetic",
            Self::Docker { .. } => "docker",
        }
    }

    /// Where a Docker engine's containers come from.
    fn source(&self) -> Option<&Source> {
        match self {
            Self::Synthetic => None,
            Self::Docker { source, .. } => Some(source),
        }
    }
}

/// Where a Docker engine's containers come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Created from an image, and removed at the end.
    Created {
        /// The image.
        image: String,
    },
    /// There already: those that carry a label.
    Attached {
        /// `KEY` or `KEY=VALUE`.
        label: String,
    },
}

/// The monitor's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    /// The name that `--clock` takes.
    pub name: &'static str,
    /// The factor by which the monitor's durations are divided.
    pub pace: Pace,
}

impl Clock {
    /// Wall time.
    pub const REAL: Self = Self {
        name: "real",
        pace: Pace::REAL,
    };

    /// Paused time: it goes on when nothing is left to be done.
    pub const VIRTUAL: Self = Self {
        name: "virtual",
        pace: Pace::REAL,
    };

    /// Whether file descriptors and processes are what they are elsewhere: not in memory.
    pub fn has_sockets(self) -> bool {
        self != Self::VIRTUAL
    }

    /// What is counted beside tasks: in memory, open connections stand for file descriptors.
    pub fn fd_unit(self) -> &'static str {
        match self.has_sockets() {
            true => "fds",
            false => "connections",
        }
    }

    /// All of the monitor's durations divided by one factor: the given one, or the one that makes a
    /// rotation take a second. A rotation that is shorter than that is not stretched.
    pub fn compressed(rotation: Duration, factor: Option<f64>) -> Self {
        let natural = rotation.as_secs_f64() / COMPRESSED_ROTATION.as_secs_f64();
        Self {
            name: "compressed",
            pace: Pace(factor.unwrap_or(natural.max(1.0))),
        }
    }
}

impl Plan {
    /// Whether containers are found rather than made: their lines carry no numbers of ours.
    pub fn attaches(&self) -> bool {
        matches!(self.engine.source(), Some(Source::Attached { .. }))
    }

    /// The rotation interval in wall time.
    pub fn rotation_wall(&self) -> Duration {
        self.clock.pace.of(self.rotation)
    }

    /// How long the rotations may take in wall time, the baseline's included: on a busy machine one
    /// takes longer than its interval, for it is waited for and its counts settle.
    pub fn duration_wall(&self) -> Duration {
        /// More than the waits for a stalled rotation and for unsettled counts together.
        const LATENESS: Duration = Duration::from_secs(10);
        let intervals = u32::try_from(self.rotations + 1).unwrap_or(u32::MAX);
        (self.rotation_wall() + LATENESS).saturating_mul(intervals)
    }

    /// The load that the wirings will be under.
    pub fn load(&self) -> Load {
        let silent = fleet::silent_among(self.containers, self.silent_share) as u64;
        Load {
            containers: self.containers as u64,
            silent: (!self.attaches()).then_some(silent),
            back_pressure: !self.consumer_delay.is_zero(),
            rotation: self.rotation,
            restart: self.restart,
        }
    }

    /// The containers to follow, where they are made.
    pub fn fleet(&self) -> Fleet {
        let (containers, silent) = (self.containers, self.silent_share);
        let fleet = Fleet::generate(containers, silent, self.lines_per_second, self.seed)
            .with_bursts(self.burst);
        match self.restart {
            Some(every) => fleet.with_restarts(self.clock.pace.of(every), self.keep_ended_streams),
            None => fleet,
        }
    }

    /// What was asked for, as the report says it.
    pub fn config(&self) -> Config {
        let made = |value| (!self.attaches()).then_some(value);
        let (attach, image) = match self.engine.source() {
            Some(Source::Attached { label }) => (Some(label.clone()), None),
            Some(Source::Created { image }) => (None, Some(image.clone())),
            None => (None, None),
        };
        let mut checks = self.wirings.iter().filter_map(|wiring| wiring.health_check);
        Config {
            engine: Some(self.engine.name().into()),
            attach,
            image,
            containers: Some(self.containers as u64),
            rotation_ms: Some(millis(self.rotation)),
            rotations: Some(self.rotations),
            until_verdict: self.until == Until::Verdict,
            clock: self.clock.name.into(),
            time_scale: self.clock.pace.0,
            lines_per_second: made(self.lines_per_second),
            silent: made(self.silent_share),
            consumer_delay_ms: Some(millis(self.consumer_delay)),
            burst: (!self.attaches()).then_some(self.burst.into()),
            restart_ms: self.restart.map(millis),
            keep_ended_streams: self.keep_ended_streams,
            health_check_ms: checks.next().map(|check| millis(check.every)),
            scenario: self.scenario.clone(),
            seed: Some(self.seed),
            watched: None,
            exercised: None,
        }
    }

    /// Refuses a wiring that is named twice: the report is keyed by wiring.
    ///
    /// # Errors
    /// A usage failure that names it.
    pub fn check_wirings(&self) -> Result<(), Failure> {
        each_wiring_once(&self.wirings)
    }

    /// Works out whether each worker's file descriptors will suffice for its wiring, given how many
    /// one process may open.
    ///
    /// Returns warnings: what will run short, where that is accepted.
    ///
    /// # Errors
    /// An environment failure that says at which rotation they will run out and which flags to
    /// change; always where the containers alone do not fit.
    pub fn check_fds(&self, limit: u64, shortage: FdShortage) -> Result<Vec<String>, Failure> {
        let mut warnings = Vec::new();
        // How many containers there are to attach to is not known before they are found.
        if self.attaches() || !self.clock.has_sockets() {
            return Ok(warnings);
        }
        // A wiring that leaks as predicted makes no more.
        let rotations = match self.until {
            Until::Rotations => self.rotations,
            Until::Verdict => self.rotations.min(sufficiency::ENOUGH),
        };
        for wiring in &self.wirings {
            let need = FdNeed::of(wiring, self.load());
            let Some(exhausted) = need.exhausted_at(limit) else {
                continue;
            };
            let containers = self.containers;
            if exhausted == 0 {
                let fit = limit.saturating_sub(FdNeed::BESIDES_STREAMS) / need.per_container;
                return Err(Failure::environment(format!(
                    "{containers} containers need {} file descriptors with the wiring {}, and a \
                     process may open {limit}: use --containers {fit} or fewer, or raise the limit \
                     (ulimit -Hn)",
                    need.baseline, wiring.name
                )));
            }
            if exhausted > rotations {
                continue;
            }
            let message = format!(
                "the wiring {} is predicted to leave {:.0} file descriptors per rotation, so that \
                 the limit of {limit} is hit at rotation {exhausted} of {}",
                wiring.name, need.per_rotation, rotations
            );
            if shortage == FdShortage::Accepted {
                warnings.push(message);
                continue;
            }
            let fewer_rotations = Some(exhausted - 1)
                .filter(|&enough| enough > 0)
                .map(|enough| format!("--rotations {enough}"));
            let fewer_containers = Some(need.containers_within(limit, rotations))
                .filter(|&fit| fit > 0)
                .map(|fit| format!("--containers {fit}"));
            let force =
                (shortage == FdShortage::Forcible).then(|| "--force to run into it".to_owned());
            let ways: Vec<String> = fewer_rotations
                .into_iter()
                .chain(fewer_containers)
                .chain(force)
                .collect();
            return Err(Failure::environment(format!(
                "{message}: use {}",
                ways.join(", or ")
            )));
        }
        Ok(warnings)
    }
}

/// What to do about file descriptors that will not suffice for all rotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FdShortage {
    /// Refuse.
    Refused,
    /// Refuse, and name the flag that accepts it.
    Forcible,
    /// Warn.
    Accepted,
}

/// The file descriptors that a worker needs.
struct FdNeed {
    containers: u64,
    /// While a container is followed.
    per_container: u64,
    /// Left by each rotation of a container.
    left: f64,
    /// With all containers followed and no rotation done.
    baseline: u64,
    /// Left by each rotation of all containers.
    per_rotation: f64,
}

impl FdNeed {
    const BESIDES_STREAMS: u64 = WORKER_OWN_FDS + FDS_LEFT_TO_ENGINE;

    fn of(wiring: &Wiring, load: Load) -> Self {
        let per_container = match wiring.client {
            ClientUse::Shared | ClientUse::PerContainerStart(_) => 1,
            // The stream's connection, and the inspection's beside it.
            ClientUse::ThrowawayPerRotation(_) => 2,
        };
        let left = predict(wiring, load)
            .fds_per_rotation_per_container
            .unwrap_or(0.0);
        Self {
            containers: load.containers,
            per_container,
            left,
            baseline: Self::BESIDES_STREAMS + load.containers * per_container,
            per_rotation: left * load.containers as f64,
        }
    }

    /// How many containers can make so many rotations within a limit.
    fn containers_within(&self, limit: u64, rotations: u64) -> u64 {
        let for_streams = limit.saturating_sub(Self::BESIDES_STREAMS) as f64;
        let each = self.per_container as f64 + self.left * rotations as f64;
        ((for_streams / each) as u64).min(self.containers)
    }

    /// The rotation at which the limit is passed, 0 for the baseline; `None` where nothing grows.
    fn exhausted_at(&self, limit: u64) -> Option<u64> {
        if self.baseline > limit {
            return Some(0);
        }
        (self.per_rotation > 0.0)
            .then(|| ((limit - self.baseline) as f64 / self.per_rotation) as u64 + 1)
    }
}

/// Refuses a wiring that is named twice, be it by its name and its letter.
///
/// # Errors
/// A usage failure that names it.
pub fn each_wiring_once(wirings: &[Wiring]) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    match wirings.iter().find(|wiring| !seen.insert(&wiring.name)) {
        Some(twice) => Err(Failure::usage(format!(
            "--wiring {} is given twice",
            twice.name
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::catalogue;

    fn plan(wiring: &str, containers: usize) -> Plan {
        let rotation = Duration::from_secs(300);
        Plan {
            engine: Engine::Synthetic,
            containers,
            rotation,
            rotations: 12,
            until: Until::Rotations,
            wirings: vec![catalogue::find(wiring).expect("a wiring of the catalogue")],
            clock: Clock::compressed(rotation, None),
            lines_per_second: 12.5,
            silent_share: 0.5,
            consumer_delay: Duration::ZERO,
            burst: 1,
            restart: None,
            keep_ended_streams: false,
            seed: 1,
            scenario: None,
            console: false,
        }
    }

    #[test]
    fn five_minutes_are_compressed_to_a_second_and_half_a_second_is_left_alone() {
        assert_eq!(plan("old", 50).rotation_wall(), Duration::from_secs(1));
        let half = Duration::from_millis(500);
        assert_eq!(Clock::compressed(half, None).pace, Pace(1.0));
    }

    #[test]
    fn the_rotation_at_which_descriptors_run_out_is_named_with_the_flags_to_change() {
        let refusal = plan("old", 5000)
            .check_fds(20_000, FdShortage::Forcible)
            .expect_err("13 × 5000 > 20000");
        let message = refusal.to_string();
        assert!(message.contains("at rotation 3 of 12"), "{message}");
        assert!(message.contains("--rotations 2"), "{message}");
        assert!(message.contains("--force"), "{message}");
    }

    #[test]
    fn the_advised_number_of_containers_fits_and_one_more_does_not() {
        for limit in [120, 1024, 20_000] {
            let too_many = (limit as usize - 64) / 13 + 1;
            let message = plan("old", too_many)
                .check_fds(limit, FdShortage::Forcible)
                .expect_err("too many")
                .to_string();
            let (_, advised) = message.split_once("--containers ").expect("advice");
            let digits: String = advised.chars().take_while(char::is_ascii_digit).collect();
            let advised = digits.parse().expect("a number");
            let fits = |containers| {
                plan("old", containers)
                    .check_fds(limit, FdShortage::Forcible)
                    .is_ok()
            };
            assert!(fits(advised) && !fits(advised + 1), "{limit}: {message}");
        }
    }

    #[test]
    fn forced_the_same_is_a_warning() {
        let warnings = plan("old", 5000)
            .check_fds(20_000, FdShortage::Accepted)
            .expect("forced");
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn containers_that_do_not_fit_at_all_are_refused_even_when_forced() {
        let refusal = plan("fixed", 20_000)
            .check_fds(20_000, FdShortage::Accepted)
            .expect_err("no room");
        assert!(
            refusal.to_string().contains("--containers 19936"),
            "{refusal}"
        );
    }

    #[test]
    fn rotations_that_no_verdict_needs_take_no_descriptors() {
        let mut plan = plan("old", 50);
        plan.rotations = 1000;
        assert!(plan.check_fds(20_000, FdShortage::Forcible).is_err());
        plan.until = Until::Verdict;
        let warnings = plan.check_fds(20_000, FdShortage::Forcible);
        assert!(warnings.is_ok_and(|warnings| warnings.is_empty()));
        plan.containers = 5000;
        let refusal = plan.check_fds(20_000, FdShortage::Forcible);
        assert!(refusal.is_err_and(|refusal| refusal.to_string().contains("at rotation 3 of 5")));
    }

    #[test]
    fn a_wiring_that_leaks_nothing_fits() {
        assert!(
            plan("fixed", 19_000)
                .check_fds(20_000, FdShortage::Forcible)
                .is_ok_and(|w| w.is_empty())
        );
    }
}
