//! The conditions of an experiment: what the flags of `leakcheck run` and the `[run]` table of a
//! scenario's file set alike. Each is declared, documented and checked here once.

use std::ops::RangeInclusive;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use synthetic_engine::spec::MAX_LINES_PER_SECOND;
use synthetic_engine::workload::containers;
use synthetic_engine::workload::containers::VIRTUAL_LINES_PER_SECOND;
use synthetic_engine::workload::fault_choice::FaultChoice;
use synthetic_engine::workload::faults;

use crate::exit_code::Failure;
use crate::experiment::plan::{Clock, Engine, Plan, Until};
use crate::monitor::catalogue;
use crate::monitor::wiring::Wiring;
use crate::text::duration;

/// What an experiment is made of; what is not set has the default that its description names.
#[derive(Debug, Clone, Default, PartialEq, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Conditions {
    /// Containers to follow [default: 50]
    #[arg(long, value_name = "N", value_parser = containers, help_heading = "Containers")]
    #[serde(deserialize_with = "checked_containers")]
    pub containers: Option<u32>,

    /// Lines per second of wall time that a container prints, on average: some print 0.4 times as
    /// many, some 1.6 times [default: 12.5; with --clock virtual, per second of that, 1]
    #[arg(long, value_name = "X", value_parser = line_rate, help_heading = "Containers")]
    #[serde(deserialize_with = "checked_line_rate")]
    pub lines_per_second: Option<f64>,

    /// Share of the containers that print nothing, 0 to 1 [default: 0.5]
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Containers")]
    #[serde(deserialize_with = "checked_share")]
    pub silent: Option<f64>,

    /// Lines that a container prints at once, at the same mean rate [default: 1]
    #[arg(long, value_name = "LINES", value_parser = burst, help_heading = "Containers")]
    #[serde(deserialize_with = "checked_burst")]
    pub burst: Option<u32>,

    /// Let each container end and start again at this interval, on the monitor's clock
    /// [default: they run on]
    #[arg(
        long,
        value_name = "DUR",
        value_parser = duration::parse_positive,
        help_heading = "Containers"
    )]
    #[serde(deserialize_with = "positive_duration")]
    pub restart: Option<Duration>,

    /// Keep a container's stream open when the container ends, as a broken engine does: nothing
    /// more comes of it
    #[arg(
        long,
        requires = "restart",
        num_args = 0,
        default_missing_value = "true",
        help_heading = "Containers"
    )]
    #[serde(deserialize_with = "yes_or_no")]
    pub keep_ended_streams: Option<bool>,

    /// Fault that the synthetic engine injects now and then into the streams of its containers, or of a
    /// share of them; repeatable
    #[arg(
        long = "fault",
        value_name = "NAME[=SHARE]",
        long_help = faults::help(),
        help_heading = "Containers"
    )]
    pub faults: Vec<FaultChoice>,

    /// Seed of the containers' rates: the same seed gives every wiring and every run the same
    /// lines, and faults [default: 1]
    #[arg(long, value_name = "N", help_heading = "Containers")]
    pub seed: Option<u64>,

    /// Wiring to run, by its name or letter in `leakcheck wirings`; repeat it to compare
    /// [default: old fixed]
    #[arg(
        long = "wiring",
        value_name = "NAME",
        value_parser = catalogue::find,
        help_heading = "Monitor"
    )]
    #[serde(deserialize_with = "known_wirings")]
    pub wirings: Vec<Wiring>,

    /// Time between two rotations of a stream, on the monitor's clock: 90s, 5m, 1h30m
    /// [default: 5m]
    #[arg(
        long,
        value_name = "DUR",
        value_parser = duration::parse_positive,
        help_heading = "Monitor"
    )]
    #[serde(deserialize_with = "positive_duration")]
    pub rotation: Option<Duration>,

    /// Rotations to make [default: 12]
    #[arg(long, value_name = "R", value_parser = rotations, help_heading = "Monitor")]
    #[serde(deserialize_with = "checked_rotations")]
    pub rotations: Option<u64>,

    /// Interval of the health checks, on the monitor's clock, in wirings that have one [default: 30s]
    #[arg(
        long,
        value_name = "DUR",
        value_parser = duration::parse_positive,
        help_heading = "Monitor"
    )]
    #[serde(deserialize_with = "positive_duration")]
    pub health_check: Option<Duration>,

    /// The monitor's clock [default: compressed with --engine synthetic, real with --engine docker]
    #[arg(long, value_enum, help_heading = "Monitor")]
    pub clock: Option<ClockKind>,

    /// Factor of the compressed clock [default: the one that makes a rotation take 1 s]
    #[arg(long, value_name = "X", value_parser = time_scale, help_heading = "Monitor")]
    #[serde(deserialize_with = "checked_time_scale")]
    pub time_scale: Option<f64>,

    /// Time that the consumer spends on each chunk of log, in wall time; a slow consumer makes
    /// back-pressure [default: 0s]
    #[arg(long, value_name = "DUR", value_parser = duration::parse, help_heading = "Monitor")]
    #[serde(deserialize_with = "any_duration")]
    pub consumer_delay: Option<Duration>,
}

/// What `--clock` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockKind {
    /// All of the monitor's durations divided by one factor; nothing else is simulated
    Compressed,
    /// Wall time
    Real,
    /// Paused time over connections in memory: an hour in seconds, the same each time
    Virtual,
}

impl Conditions {
    /// These conditions, and those of `others` where these are silent.
    pub fn or(self, mut others: Self) -> Self {
        // What contradicts a choice of these is given up with it.
        if matches!(self.clock, Some(ClockKind::Real | ClockKind::Virtual)) {
            others.time_scale = None;
        }
        if self.time_scale.is_some() {
            others.clock = None;
        }
        let checks = |wiring: &Wiring| wiring.health_check.is_some();
        if !self.wirings.is_empty() && !self.wirings.iter().any(checks) {
            others.health_check = None;
        }
        Self {
            containers: self.containers.or(others.containers),
            lines_per_second: self.lines_per_second.or(others.lines_per_second),
            silent: self.silent.or(others.silent),
            burst: self.burst.or(others.burst),
            restart: self.restart.or(others.restart),
            keep_ended_streams: self.keep_ended_streams.or(others.keep_ended_streams),
            faults: match self.faults.is_empty() {
                true => others.faults,
                false => self.faults,
            },
            seed: self.seed.or(others.seed),
            wirings: match self.wirings.is_empty() {
                true => others.wirings,
                false => self.wirings,
            },
            rotation: self.rotation.or(others.rotation),
            rotations: self.rotations.or(others.rotations),
            health_check: self.health_check.or(others.health_check),
            clock: self.clock.or(others.clock),
            time_scale: self.time_scale.or(others.time_scale),
            consumer_delay: self.consumer_delay.or(others.consumer_delay),
        }
    }

    /// The plan of an experiment under these conditions, with the defaults where they are silent.
    ///
    /// # Errors
    /// A usage failure where conditions contradict each other or a wiring is named twice.
    pub fn plan(self, engine: Engine) -> Result<Plan, Failure> {
        let rotation = self.rotation.unwrap_or(Duration::from_secs(300));
        if self.restart.is_some() && engine != Engine::Synthetic {
            return Err(Failure::usage(
                "--restart needs --engine synthetic: real containers run on until the end",
            ));
        }
        let clock = self.clock(rotation, &engine)?;
        if let (Some(choice), true) = (self.faults.first(), engine != Engine::Synthetic) {
            return Err(Failure::usage(format!(
                "--fault {choice} needs --engine synthetic: a real engine fails when it likes"
            )));
        }
        let plan = Plan {
            containers: self.containers.unwrap_or(50) as usize,
            shards: 1,
            rotation,
            rotations: self.rotations.unwrap_or(12),
            until: Until::Rotations,
            clock,
            lines_per_second: self.lines_per_second.unwrap_or(match clock.has_sockets() {
                true => containers::DEFAULT_LINES_PER_SECOND,
                false => VIRTUAL_LINES_PER_SECOND,
            }),
            silent_share: self.silent.unwrap_or(0.5),
            consumer_delay: self.consumer_delay.unwrap_or_default(),
            burst: self.burst.unwrap_or(1),
            restart: self.restart,
            keep_ended_streams: self.keep_ended_streams.unwrap_or(false),
            faults: self.faults,
            seed: self.seed.unwrap_or(1),
            wirings: checking_every(self.health_check, self.wirings)?,
            engine,
            scenario: None,
            console: false,
        };
        plan.check_wirings()?;
        plan.check_faults()?;
        Ok(plan)
    }

    fn clock(&self, rotation: Duration, engine: &Engine) -> Result<Clock, Failure> {
        let kind = self.clock.unwrap_or(match (engine, self.time_scale) {
            (Engine::Docker { .. } | Engine::Swarm(_), None) => ClockKind::Real,
            _ => ClockKind::Compressed,
        });
        let clock = match (kind, self.time_scale) {
            (ClockKind::Real, None) => Clock::REAL,
            (ClockKind::Real | ClockKind::Virtual, Some(_)) => {
                return Err(Failure::usage(
                    "--time-scale needs --clock compressed: no other clock has a factor",
                ));
            }
            (ClockKind::Virtual, None) if *engine != Engine::Synthetic => {
                return Err(Failure::usage(
                    "--clock virtual needs --engine synthetic: a real engine's time cannot be paused",
                ));
            }
            (ClockKind::Virtual, None) if !cfg!(tokio_unstable) => {
                return Err(Failure::usage(
                    "--clock virtual: this build cannot tell the monitor's tasks from its engine's: \
                     rebuild with RUSTFLAGS=\"--cfg tokio_unstable\"",
                ));
            }
            (ClockKind::Virtual, None) => Clock::VIRTUAL,
            (ClockKind::Compressed, factor) => Clock::compressed(rotation, factor),
        };
        match rotation.as_secs_f64() / clock.pace.0 > LONGEST_ROTATION_WALL_S {
            true => Err(Failure::usage(
                "--rotation would take longer than a year of wall time",
            )),
            false => Ok(clock),
        }
    }
}

/// The wirings, or the defaults, with their health checks at this interval.
fn checking_every(
    every: Option<Duration>,
    mut wirings: Vec<Wiring>,
) -> Result<Vec<Wiring>, Failure> {
    if wirings.is_empty() {
        wirings = catalogue::defaults();
    }
    let Some(every) = every else {
        return Ok(wirings);
    };
    let checks = wirings
        .iter_mut()
        .filter_map(|wiring| wiring.health_check.as_mut());
    match checks.map(|check| check.every = every).count() {
        0 => Err(Failure::usage(
            "--health-check: none of the wirings checks containers; see health-check-throwaway \
             in `leakcheck wirings`",
        )),
        _ => Ok(wirings),
    }
}

/// A moment further ahead than the clocks reach cannot be waited for.
const LONGEST_ROTATION_WALL_S: f64 = 366.0 * 24.0 * 3600.0;
const CONTAINERS: RangeInclusive<u32> = 1..=100_000;
const ROTATIONS: RangeInclusive<u64> = 1..=1_000_000;
const SHARE: RangeInclusive<f64> = 0.0..=1.0;
const BURST: RangeInclusive<u32> = 1..=100_000;
const LINE_RATE: RangeInclusive<f64> = 0.001..=MAX_LINES_PER_SECOND / 2.0;
const TIME_SCALE: RangeInclusive<f64> = 0.001..=1_000_000.0;

/// A value within its range, or what would have been.
fn within<T>(value: T, range: &RangeInclusive<T>) -> Result<T, String>
where
    T: PartialOrd + std::fmt::Display,
{
    match range.contains(&value) {
        true => Ok(value),
        false => Err(format!(
            "must be between {} and {}, not {value}",
            range.start(),
            range.end()
        )),
    }
}

/// The two readings of a number: from a flag's text, and from a file.
macro_rules! number {
    ($flag:ident, $file:ident, $type:ty, $range:expr) => {
        /// Reads the number from a flag's text; says its range where it is none or outside of it.
        pub(crate) fn $flag(text: &str) -> Result<$type, String> {
            let (low, high) = ($range.start(), $range.end());
            let value = text
                .parse()
                .map_err(|_| format!("write a number between {low} and {high}"))?;
            within(value, &$range)
        }

        fn $file<'de, D: Deserializer<'de>>(file: D) -> Result<Option<$type>, D::Error> {
            within(<$type>::deserialize(file)?, &$range)
                .map(Some)
                .map_err(D::Error::custom)
        }
    };
}

number!(containers, checked_containers, u32, CONTAINERS);
number!(rotations, checked_rotations, u64, ROTATIONS);
number!(share, checked_share, f64, SHARE);
number!(burst, checked_burst, u32, BURST);
number!(line_rate, checked_line_rate, f64, LINE_RATE);
number!(time_scale, checked_time_scale, f64, TIME_SCALE);

fn positive_duration<'de, D: Deserializer<'de>>(file: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(file)?;
    duration::parse_positive(&text)
        .map(Some)
        .map_err(D::Error::custom)
}

fn any_duration<'de, D: Deserializer<'de>>(file: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(file)?;
    duration::parse(&text).map(Some).map_err(D::Error::custom)
}

fn yes_or_no<'de, D: Deserializer<'de>>(file: D) -> Result<Option<bool>, D::Error> {
    bool::deserialize(file).map(Some)
}

fn known_wirings<'de, D: Deserializer<'de>>(file: D) -> Result<Vec<Wiring>, D::Error> {
    let names = Vec::<String>::deserialize(file)?;
    names
        .iter()
        .map(|name| catalogue::find(name).map_err(D::Error::custom))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_goes_before_a_scenario_and_a_scenario_before_the_default() {
        let flags = Conditions {
            containers: Some(7),
            ..Conditions::default()
        };
        let scenario = Conditions {
            containers: Some(9),
            rotations: Some(3),
            ..Conditions::default()
        };
        let plan = flags
            .or(scenario)
            .plan(Engine::Synthetic)
            .expect("no contradiction");
        assert_eq!((plan.containers, plan.rotations, plan.seed), (7, 3, 1));
    }

    #[test]
    fn a_flag_gives_up_what_contradicts_it_in_a_scenario() {
        let scenario = Conditions {
            time_scale: Some(30.0),
            health_check: Some(Duration::from_secs(30)),
            wirings: vec![catalogue::find("health-check-pool").expect("a wiring")],
            ..Conditions::default()
        };
        let flags = Conditions {
            clock: Some(ClockKind::Real),
            wirings: vec![catalogue::find("old").expect("a wiring")],
            ..Conditions::default()
        };
        let plan = flags.or(scenario).plan(Engine::Synthetic);
        assert_eq!(plan.expect("no contradiction").clock, Clock::REAL);
    }

    #[test]
    fn a_rotation_beyond_the_reach_of_the_clocks_is_refused() {
        for (clock, time_scale) in [
            (ClockKind::Real, None),
            (ClockKind::Compressed, Some(0.001)),
        ] {
            let conditions = Conditions {
                rotation: Some(Duration::MAX),
                clock: Some(clock),
                time_scale,
                ..Conditions::default()
            };
            let refusal = conditions.plan(Engine::Synthetic).expect_err("too long");
            assert!(refusal.to_string().contains("--rotation"), "{refusal}");
        }
    }

    #[test]
    fn an_interval_of_checks_needs_a_wiring_that_checks() {
        let every = |wiring: &str| Conditions {
            wirings: vec![catalogue::find(wiring).expect("a wiring")],
            health_check: Some(Duration::from_secs(60)),
            ..Conditions::default()
        };
        let checks = every("health-check-pool").plan(Engine::Synthetic);
        let check = checks.expect("it checks").wirings[0].health_check;
        assert_eq!(
            check.map(|check| check.every),
            Some(Duration::from_secs(60))
        );
        let refusal = every("old").plan(Engine::Synthetic).expect_err("no check");
        assert!(refusal.to_string().contains("--health-check"), "{refusal}");
    }

    #[test]
    fn without_conditions_the_plan_is_the_incident_and_its_fix() {
        let plan = Conditions::default()
            .plan(Engine::Synthetic)
            .expect("no contradiction");
        let wirings: Vec<&str> = plan
            .wirings
            .iter()
            .map(|wiring| wiring.name.as_str())
            .collect();
        assert_eq!(wirings, ["old", "fixed"]);
        assert_eq!(plan.containers, 50);
        assert_eq!(plan.rotation, Duration::from_secs(300));
        assert_eq!(plan.rotations, 12);
    }
}
