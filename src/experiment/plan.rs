//! The plan of a run: what the flags mean, checked, and what it will need.

use std::collections::HashSet;
use std::time::Duration;

use clap::ValueEnum;
use synthetic_engine::workload::containers;
use synthetic_engine::workload::containers::Fleet;
use synthetic_engine::workload::fault_choice::FaultChoice;

use crate::analysis::prediction::Load;
use crate::exit_code::Failure;
use crate::model::report::Config;
use crate::monitor::Pace;
use crate::monitor::wiring::Wiring;
use crate::swarm::agents::AgentPlan;
use crate::text::duration::millis;

/// The wall time that a rotation takes on the compressed clock, unless a factor is given.
const COMPRESSED_ROTATION: Duration = Duration::from_secs(1);

/// A checked plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What serves the containers.
    pub engine: Engine,
    /// How many containers; with [`Source::Attached`] they are counted when they are found.
    pub containers: usize,
    /// Into how many parts they are divided: each wiring follows each part in a process of its own.
    pub shards: usize,
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
    /// Faults that the engine injects.
    pub faults: Vec<FaultChoice>,
    /// The seed of the containers' schedule, and of its faults.
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
    /// A process of leakcheck's own for each wiring and shard.
    Synthetic,
    /// Docker engines.
    Docker {
        /// Their endpoints, as given; where there are none, the environment says which one it is.
        hosts: Vec<String>,
        /// Where their containers come from.
        source: Source,
    },
    /// The engines of a Docker Swarm, which places the containers itself.
    Swarm(SwarmPlan),
}

/// Containers that a Docker Swarm places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwarmPlan {
    /// The endpoint of one of its managers, as given; `None` asks the environment.
    pub manager: Option<String>,
    /// The image of the containers.
    pub image: String,
    /// What follows them on their own nodes; `None` where they are followed through the manager.
    pub agents: Option<AgentPlan>,
}

impl Engine {
    /// The name that `--engine` takes.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Synthetic => "synthetic",
            Self::Docker { .. } => "docker",
            Self::Swarm(_) => "swarm",
        }
    }

    /// The label of containers that are there already.
    fn attach(&self) -> Option<&str> {
        match self {
            Self::Docker {
                source: Source::Attached { label },
                ..
            } => Some(label),
            _ => None,
        }
    }

    /// The image of containers that are created.
    fn image(&self) -> Option<&str> {
        match self {
            Self::Docker {
                source: Source::Created { image },
                ..
            } => Some(image),
            Self::Swarm(swarm) => Some(&swarm.image),
            _ => None,
        }
    }

    /// The engines' endpoints, where there are several.
    fn hosts(&self) -> &[String] {
        match self {
            Self::Docker { hosts, .. } if hosts.len() > 1 => hosts,
            _ => &[],
        }
    }

    /// Whether leakcheck follows the containers on their own nodes, as a service.
    pub(super) fn has_agents(&self) -> bool {
        matches!(self, Self::Swarm(SwarmPlan { agents, .. }) if agents.is_some())
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
        self.engine.attach().is_some()
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
        let silent = containers::silent_among(self.containers, self.silent_share) as u64;
        Load {
            containers: self.containers as u64,
            silent: (!self.attaches()).then_some(silent),
            back_pressure: !self.consumer_delay.is_zero(),
            rotation: self.rotation,
            restart: self.restart,
            faults: !self.faults.is_empty(),
        }
    }

    /// The containers to follow, where they are made.
    pub fn fleet(&self) -> Fleet {
        let (containers, silent) = (self.containers, self.silent_share);
        let fleet = Fleet::generate(containers, silent, self.lines_per_second, self.seed)
            .with_bursts(self.burst);
        // What falls silent comes back with the next rotation: the last one has none.
        let last_struck = Some(self.rotations.saturating_sub(1));
        let fleet = fleet.with_faults(&self.faults, self.seed, last_struck);
        match self.restart {
            Some(every) => fleet.with_restarts(self.clock.pace.of(every), self.keep_ended_streams),
            None => fleet,
        }
    }

    /// Each shard's part of a list of the containers, or of something of each: as long as the others, or
    /// longer by one. Of containers that were found there may be fewer than shards.
    pub fn shares<'a, T>(&self, all: &'a [T]) -> impl Iterator<Item = &'a [T]> {
        let (count, shards) = (all.len(), self.shards.min(all.len()));
        (0..shards).map(move |shard| &all[shard * count / shards..(shard + 1) * count / shards])
    }

    /// What was asked for, as the report says it.
    pub fn config(&self) -> Config {
        let made = |value| (!self.attaches()).then_some(value);
        let mut checks = self.wirings.iter().filter_map(|wiring| wiring.health_check);
        Config {
            engine: Some(self.engine.name().into()),
            attach: self.engine.attach().map(str::to_owned),
            image: self.engine.image().map(str::to_owned),
            hosts: self.engine.hosts().to_vec(),
            agents: self.engine.has_agents(),
            containers: Some(self.containers as u64),
            shards: (!self.engine.has_agents()).then_some(self.shards as u64),
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
            faults: self.faults.iter().map(ToString::to_string).collect(),
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

    /// Refuses faults that are named twice, that no container can have, or that would not strike.
    ///
    /// # Errors
    /// A usage failure that names the fault, and what to change.
    pub fn check_faults(&self) -> Result<(), Failure> {
        let printing =
            self.containers - containers::silent_among(self.containers, self.silent_share);
        for (index, choice) in self.faults.iter().enumerate() {
            let name = choice.fault.name();
            if self.faults[..index]
                .iter()
                .any(|one| one.fault == choice.fault)
            {
                return Err(Failure::usage(format!("--fault {name} is given twice")));
            }
            if choice.containers(self.containers, printing) == 0 {
                let of = match choice.fault.known().target.needs_lines() {
                    true => " that print",
                    false => "",
                };
                return Err(Failure::usage(format!(
                    "--fault {choice} strikes none of {} containers{of}: give it a larger share, or more \
                     containers",
                    self.containers
                )));
            }
        }
        if !self.faults.is_empty() && self.rotations < 2 {
            return Err(Failure::usage(
                "--fault needs --rotations 2 or more: in the last one nothing is struck, so that what fell \
                 silent can come back",
            ));
        }
        Ok(())
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
pub(super) mod tests {
    use super::*;
    use crate::monitor::catalogue;

    pub(in crate::experiment) fn plan(wiring: &str, containers: usize) -> Plan {
        let rotation = Duration::from_secs(300);
        Plan {
            engine: Engine::Synthetic,
            containers,
            shards: 1,
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
            faults: Vec::new(),
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
}
