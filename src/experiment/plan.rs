//! The plan of a run: what the flags mean, checked, and what it will need.

use std::collections::HashSet;
use std::time::Duration;

use leakcheck_report::exit_code::Failure;
use leakcheck_report::model::provenance::Provenance;
use leakcheck_report::model::report::Config;
use leakcheck_report::model::settings::{Clock, Settings, Until, Workload};
use log_monitor::Pace;
use log_monitor::wiring::Wiring;
use synthetic_engine::workload::containers;
use synthetic_engine::workload::containers::Fleet;

use crate::analysis::prediction::Load;
use crate::swarm::agents::AgentPlan;
use crate::sys::invocation::Invocation;
use crate::wirings;

/// A checked plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What was asked for. With [`ContainerSource::Attached`] the containers are counted when they are found.
    pub settings: Settings,
    /// What serves the containers.
    pub engine: Engine,
    /// Into how many parts the containers are divided: each wiring follows each part in a process of its
    /// own.
    pub shards: usize,
    /// The wirings that the settings name.
    pub wirings: Vec<Wiring>,
    /// The scenario that the settings came from.
    pub scenario: Option<String>,
    /// Whether to serve each worker to tokio-console.
    pub console: bool,
    /// How this process was started.
    pub invocation: Invocation,
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
        source: ContainerSource,
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

    /// Whether containers are found rather than made.
    pub fn attaches(&self) -> bool {
        self.attach().is_some()
    }

    /// The label of containers that are there already.
    fn attach(&self) -> Option<&str> {
        match self {
            Self::Docker {
                source: ContainerSource::Attached { label },
                ..
            } => Some(label),
            _ => None,
        }
    }

    /// The image of containers that are created.
    fn image(&self) -> Option<&str> {
        match self {
            Self::Docker {
                source: ContainerSource::Created { image },
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
pub enum ContainerSource {
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

/// A moment further ahead than the clocks reach cannot be waited for.
const LONGEST_ROTATION_WALL_S: f64 = 366.0 * 24.0 * 3600.0;

impl Plan {
    /// The plan of an experiment with these settings.
    ///
    /// # Errors
    /// A usage failure where settings contradict each other, or the engine.
    pub fn new(settings: Settings, engine: Engine) -> Result<Self, Failure> {
        let plan = Self {
            wirings: wirings(&settings)?,
            settings,
            engine,
            shards: 1,
            scenario: None,
            console: false,
            invocation: Invocation::of_this_process(),
        };
        plan.check_engine()?;
        plan.check_clock()?;
        each_wiring_once(&plan.wirings)?;
        plan.check_faults()?;
        Ok(plan)
    }

    /// This plan with other settings.
    ///
    /// # Errors
    /// A usage failure where one of their wirings is not known.
    pub fn with(&self, settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            wirings: wirings(&settings)?,
            settings,
            ..self.clone()
        })
    }

    /// Whether containers are found rather than made: their lines carry no numbers of ours.
    pub fn attaches(&self) -> bool {
        self.engine.attaches()
    }

    /// By what the monitor's durations are divided.
    pub fn pace(&self) -> Pace {
        Pace(self.settings.time_scale)
    }

    /// The rotation interval in wall time.
    pub fn rotation_wall(&self) -> Duration {
        self.pace().of(self.settings.rotation)
    }

    /// How long the rotations may take in wall time, the baseline's included: on a busy machine one
    /// takes longer than its interval, for it is waited for and its counts settle.
    pub fn duration_wall(&self) -> Duration {
        /// More than the waits for a stalled rotation and for unsettled counts together.
        const LATENESS: Duration = Duration::from_secs(10);
        let intervals = u32::try_from(self.settings.rotations + 1).unwrap_or(u32::MAX);
        (self.rotation_wall() + LATENESS).saturating_mul(intervals)
    }

    /// The load that the wirings will be under.
    pub fn load(&self) -> Load {
        let Settings { containers, .. } = self.settings;
        let workload = self.settings.workload.as_ref();
        let silent = workload.map(|made| containers::silent_among(containers, made.silent) as u64);
        Load {
            containers: containers as u64,
            silent,
            back_pressure: !self.settings.consumer_delay.is_zero(),
            rotation: self.settings.rotation,
            restart: self.settings.restart(),
            faults: !self.settings.faults().is_empty(),
        }
    }

    /// The containers to follow; none where they are found.
    pub fn fleet(&self) -> Fleet {
        match &self.settings.workload {
            // What falls silent comes back with the next rotation: the last one has none.
            Some(workload) => fleet(
                self.settings.containers,
                workload,
                self.pace(),
                Some(self.settings.rotations.saturating_sub(1)),
            ),
            None => Fleet {
                containers: Vec::new(),
            },
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
        Config {
            engine: Some(self.engine.name().into()),
            attach: self.engine.attach().map(str::to_owned),
            image: self.engine.image().map(str::to_owned),
            hosts: self.engine.hosts().to_vec(),
            agents: self.engine.has_agents(),
            shards: (!self.engine.has_agents()).then_some(self.shards as u64),
            scenario: self.scenario.clone(),
            ..Config::from(&self.settings)
        }
    }

    /// Where a report comes from that is made now.
    pub fn provenance(&self) -> Provenance {
        match self.settings.clock {
            Clock::Compressed | Clock::Real => self.invocation.provenance(),
            Clock::Virtual => self.invocation.timeless(),
        }
    }

    /// Refuses what a real engine does not do.
    fn check_engine(&self) -> Result<(), Failure> {
        if self.engine == Engine::Synthetic {
            return Ok(());
        }
        if self.settings.restart().is_some() {
            return Err(Failure::usage(
                "--restart needs --engine synthetic: real containers run on until the end",
            ));
        }
        if let Some(choice) = self.settings.faults().first() {
            return Err(Failure::usage(format!(
                "--fault {choice} needs --engine synthetic: a real engine fails when it likes"
            )));
        }
        if self.settings.clock == Clock::Virtual {
            return Err(Failure::usage(
                "--clock virtual needs --engine synthetic: a real engine's time cannot be paused",
            ));
        }
        Ok(())
    }

    /// Refuses a clock that this build does not have, and a rotation that none of them reaches.
    fn check_clock(&self) -> Result<(), Failure> {
        if self.settings.clock == Clock::Virtual && !cfg!(tokio_unstable) {
            return Err(Failure::usage(
                "--clock virtual: this build cannot tell the monitor's tasks from its engine's: \
                 rebuild with RUSTFLAGS=\"--cfg tokio_unstable\"",
            ));
        }
        match self.settings.rotation.as_secs_f64() / self.pace().0 > LONGEST_ROTATION_WALL_S {
            true => Err(Failure::usage(
                "--rotation would take longer than a year of wall time",
            )),
            false => Ok(()),
        }
    }

    /// Refuses faults that are named twice, that no container can have, or that would not strike.
    fn check_faults(&self) -> Result<(), Failure> {
        let Some(workload) = &self.settings.workload else {
            return Ok(());
        };
        let (containers, faults) = (self.settings.containers, &workload.faults);
        let printing = containers - containers::silent_among(containers, workload.silent);
        for (index, choice) in faults.iter().enumerate() {
            let name = choice.fault.name();
            if faults[..index].iter().any(|one| one.fault == choice.fault) {
                return Err(Failure::usage(format!("--fault {name} is given twice")));
            }
            if choice.containers(containers, printing) == 0 {
                let of = match choice.fault.known().target.needs_lines() {
                    true => " that print",
                    false => "",
                };
                return Err(Failure::usage(format!(
                    "--fault {choice} strikes none of {containers} containers{of}: give it a larger share, \
                     or more containers"
                )));
            }
        }
        if !faults.is_empty() && self.settings.rotations < 2 {
            return Err(Failure::usage(
                "--fault needs --rotations 2 or more: in the last one nothing is struck, so that what fell \
                 silent can come back",
            ));
        }
        if !faults.is_empty() && self.settings.until == Until::Verdict {
            return Err(Failure::usage(
                "--fault and --until verdict: leave one of them out: nothing is struck in the last rotation, \
                 and which one that is would not be known",
            ));
        }
        Ok(())
    }
}

/// Containers that do this work, at a monitor's pace; nothing strikes them after `last_struck`.
pub fn fleet(
    containers: usize,
    workload: &Workload,
    pace: Pace,
    last_struck: Option<u64>,
) -> Fleet {
    let Workload {
        lines_per_second,
        silent,
        seed,
        ..
    } = *workload;
    let fleet = Fleet::generate(containers, silent, lines_per_second, seed)
        .with_bursts(workload.burst)
        .with_faults(&workload.faults, seed, last_struck);
    match workload.restart {
        Some(every) => fleet.with_restarts(pace.of(every), workload.keep_ended_streams),
        None => fleet,
    }
}

/// The wirings that the settings name, with their health checks at the settings' interval.
fn wirings(settings: &Settings) -> Result<Vec<Wiring>, Failure> {
    let wiring = |name: &String| {
        let mut wiring = wirings::find(name).map_err(Failure::usage)?;
        if let (Some(check), Some(every)) = (&mut wiring.health_check, settings.health_check) {
            check.every = every;
        }
        Ok(wiring)
    };
    settings.wirings.iter().map(wiring).collect()
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

    pub(in crate::experiment) fn plan(wiring: &str, containers: usize) -> Plan {
        let settings = Settings {
            containers,
            wirings: vec![wiring.into()],
            ..Settings::default()
        };
        Plan::new(settings, Engine::Synthetic).expect("no contradiction")
    }

    #[test]
    fn five_minutes_take_a_second() {
        assert_eq!(plan("old", 50).rotation_wall(), Duration::from_secs(1));
    }

    #[test]
    fn a_report_has_each_setting_where_it_has_always_stood() {
        let old = serde_json::to_value(plan("old", 7).config()).expect("JSON");
        for (name, value) in old["settings"].as_object().expect("settings") {
            // What has come since then stands among the settings alone.
            let known = ["wirings", "workload", "until"].contains(&name.as_str());
            assert!(known || old[name] == *value, "{name}: {}", old[name]);
        }
        assert_eq!((&old["containers"], &old["seed"]), (&7.into(), &1.into()));
    }
}
