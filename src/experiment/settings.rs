//! The settings of an experiment as they are typed: the flags of `leakcheck run`, those of them that other
//! commands share, and the `[run]` table of a scenario, which sets what the flags set. Each is declared
//! once: here with its flag and its meaning, in [`leakcheck_report::model::settings`] with its default and its limits.

use std::error::Error as _;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Args, Command, FromArgMatches, Id};
use leakcheck_report::exit_code::Failure;
use leakcheck_report::model::settings::{Clock, HEALTH_CHECK, Settings, Until, Workload, limits};
use leakcheck_text::duration;
use log_monitor::wiring::Wiring;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use synthetic_engine::workload::containers::VIRTUAL_LINES_PER_SECOND;
use synthetic_engine::workload::fault_choice::FaultChoice;
use synthetic_engine::workload::faults;

use crate::experiment::plan::{Engine, Plan};
use crate::wirings;

/// What was typed of an experiment's settings; what was not has the default that its help names.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct TypedSettings {
    /// What the containers are.
    #[command(flatten)]
    pub fleet: TypedFleet,

    /// Lines that a container prints at once, at the same mean rate [default: 1]
    #[arg(long, value_name = "LINES", value_parser = number(limits::BURST), help_heading = "Containers")]
    pub burst: Option<u32>,

    /// Let each container end and start again at this interval, on the monitor's clock
    /// [default: they run on]
    #[arg(
        long,
        value_name = "DUR",
        value_parser = duration::parse_positive,
        help_heading = "Containers"
    )]
    pub restart: Option<Duration>,

    /// Keep a container's stream open when the container ends, as a broken engine does: nothing
    /// more comes of it
    #[arg(long, requires = "restart", help_heading = "Containers")]
    pub keep_ended_streams: bool,

    /// Wiring to run, by its name or letter in `leakcheck wirings`; repeat it to compare
    /// [default: old fixed]
    #[arg(
        long = "wiring",
        value_name = "NAME",
        value_parser = wirings::find,
        help_heading = "Monitor"
    )]
    pub wirings: Vec<Wiring>,

    /// Time between two rotations of a stream, on the monitor's clock: 90s, 5m, 1h30m
    /// [default: 5m]
    #[arg(
        long,
        value_name = "DUR",
        value_parser = duration::parse_positive,
        help_heading = "Monitor"
    )]
    pub rotation: Option<Duration>,

    /// Rotations to make [default: 12]
    #[arg(long, value_name = "R", value_parser = number(limits::ROTATIONS), help_heading = "Monitor")]
    pub rotations: Option<u64>,

    /// When a wiring's rotations end [default: rotations]
    #[arg(long, value_name = "WHAT", value_enum, help_heading = "Monitor")]
    pub until: Option<Until>,

    /// Interval of the health checks, on the monitor's clock, in wirings that have one [default: 30s]
    #[arg(
        long,
        value_name = "DUR",
        value_parser = duration::parse_positive,
        help_heading = "Monitor"
    )]
    pub health_check: Option<Duration>,

    /// The monitor's clock [default: compressed with --engine synthetic, real with --engine docker]
    #[arg(long, value_enum, help_heading = "Monitor")]
    pub clock: Option<Clock>,

    /// Factor of the compressed clock [default: the one that makes a rotation take 1 s]
    #[arg(long, value_name = "X", value_parser = number(limits::TIME_SCALE), help_heading = "Monitor")]
    pub time_scale: Option<f64>,

    /// Time that the consumer spends on each chunk of log, in wall time; a slow consumer makes
    /// back-pressure [default: 0s]
    #[arg(long, value_name = "DUR", value_parser = duration::parse, help_heading = "Monitor")]
    pub consumer_delay: Option<Duration>,
}

/// What was typed of synthetic containers, whoever follows them.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct TypedFleet {
    /// How many containers there are [default: 50]
    #[arg(long, value_name = "N", value_parser = number(limits::CONTAINERS), help_heading = "Containers")]
    pub containers: Option<usize>,

    /// Lines per second of wall time, or of the virtual clock's, that a container prints, on average: some
    /// print 0.4 times as many, some 1.6 times [default: 12.5; under the virtual clock 1]
    #[arg(long, value_name = "X", value_parser = number(limits::LINE_RATE), help_heading = "Containers")]
    pub lines_per_second: Option<f64>,

    /// Share of the containers that print nothing, 0 to 1 [default: 0.5]
    #[arg(long, value_name = "SHARE", value_parser = number(limits::SHARE), help_heading = "Containers")]
    pub silent: Option<f64>,

    /// Fault that the synthetic engine injects now and then into the streams of its containers, or of a
    /// share of them; repeatable
    #[arg(
        long = "fault",
        value_name = "NAME[=SHARE]",
        long_help = faults::help(),
        help_heading = "Containers"
    )]
    pub faults: Vec<FaultChoice>,

    /// Seed of the containers' rates: the same seed gives the same lines, and faults [default: 1]
    #[arg(long, value_name = "N", help_heading = "Containers")]
    pub seed: Option<u64>,
}

impl TypedSettings {
    /// These settings, and those of `others` where these are silent.
    pub fn or(self, mut others: Self) -> Self {
        // What contradicts a choice of these is given up with it.
        if matches!(self.clock, Some(Clock::Real | Clock::Virtual)) {
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
            fleet: TypedFleet {
                containers: self.fleet.containers.or(others.fleet.containers),
                lines_per_second: (self.fleet.lines_per_second).or(others.fleet.lines_per_second),
                silent: self.fleet.silent.or(others.fleet.silent),
                faults: or_if_none(self.fleet.faults, others.fleet.faults),
                seed: self.fleet.seed.or(others.fleet.seed),
            },
            burst: self.burst.or(others.burst),
            restart: self.restart.or(others.restart),
            keep_ended_streams: self.keep_ended_streams || others.keep_ended_streams,
            wirings: or_if_none(self.wirings, others.wirings),
            rotation: self.rotation.or(others.rotation),
            rotations: self.rotations.or(others.rotations),
            until: self.until.or(others.until),
            health_check: self.health_check.or(others.health_check),
            clock: self.clock.or(others.clock),
            time_scale: self.time_scale.or(others.time_scale),
            consumer_delay: self.consumer_delay.or(others.consumer_delay),
        }
    }

    /// The plan of an experiment with these settings, and with the defaults where they are silent.
    ///
    /// # Errors
    /// A usage failure where settings contradict each other or a wiring is named twice.
    pub fn plan(self, engine: Engine) -> Result<Plan, Failure> {
        Plan::new(self.resolve(&engine)?, engine)
    }

    /// Gives each setting its value.
    fn resolve(self, engine: &Engine) -> Result<Settings, Failure> {
        let default = Settings::default();
        let rotation = self.rotation.unwrap_or(default.rotation);
        let (clock, time_scale) = self.clock(rotation, engine)?;
        let wirings = match self.wirings.is_empty() {
            true => default.wirings,
            false => self
                .wirings
                .iter()
                .map(|wiring| wiring.name.clone())
                .collect(),
        };
        let checks = (self.wirings.iter()).find_map(|wiring| wiring.health_check);
        if self.health_check.is_some() && checks.is_none() {
            return Err(Failure::usage(
                "--health-check: none of the wirings checks containers; see health-check-throwaway \
                 in `leakcheck wirings`",
            ));
        }
        let workload = Workload {
            burst: self.burst.unwrap_or(Workload::default().burst),
            restart: self.restart,
            keep_ended_streams: self.keep_ended_streams,
            ..self.fleet.workload(clock)
        };
        // What would strike containers that are found is refused, and not left out.
        let unknown = engine.attaches() && workload.faults.is_empty() && workload.restart.is_none();
        Ok(Settings {
            containers: self.fleet.containers.unwrap_or(default.containers),
            workload: (!unknown).then_some(workload),
            wirings,
            rotation,
            rotations: self.rotations.unwrap_or(default.rotations),
            until: self.until.unwrap_or(default.until),
            health_check: checks.map(|_| self.health_check.unwrap_or(HEALTH_CHECK)),
            clock,
            time_scale,
            consumer_delay: self.consumer_delay.unwrap_or(default.consumer_delay),
        })
    }

    fn clock(&self, rotation: Duration, engine: &Engine) -> Result<(Clock, f64), Failure> {
        let clock = self.clock.unwrap_or(match (engine, self.time_scale) {
            (Engine::Docker { .. } | Engine::Swarm(_), None) => Clock::Real,
            _ => Clock::Compressed,
        });
        if clock != Clock::Compressed && self.time_scale.is_some() {
            return Err(Failure::usage(
                "--time-scale needs --clock compressed: no other clock has a factor",
            ));
        }
        let time_scale = match clock {
            Clock::Compressed => self.time_scale.unwrap_or(natural_time_scale(rotation)),
            Clock::Real | Clock::Virtual => 1.0,
        };
        Ok((clock, time_scale))
    }
}

impl TypedFleet {
    /// What clap knows the flags by: none of them is about containers that are found.
    pub fn ids() -> Vec<Id> {
        let command = Self::augment_args(Command::new("fleet"));
        let flags = command.get_arguments();
        flags.map(|flag| flag.get_id().clone()).collect()
    }

    /// How many containers there are.
    pub fn containers(&self) -> usize {
        self.containers.unwrap_or(Settings::default().containers)
    }

    /// What they do, followed on this clock.
    pub fn workload(&self, clock: Clock) -> Workload {
        let default = Workload::default();
        Workload {
            lines_per_second: self.lines_per_second.unwrap_or(match clock.has_sockets() {
                true => default.lines_per_second,
                false => VIRTUAL_LINES_PER_SECOND,
            }),
            silent: self.silent.unwrap_or(default.silent),
            faults: self.faults.clone(),
            seed: self.seed.unwrap_or(default.seed),
            ..default
        }
    }
}

/// The factor that makes a rotation take a second; one that is shorter is not stretched.
fn natural_time_scale(rotation: Duration) -> f64 {
    rotation.as_secs_f64().max(1.0)
}

fn or_if_none<T>(these: Vec<T>, others: Vec<T>) -> Vec<T> {
    match these.is_empty() {
        true => others,
        false => these,
    }
}

/// Reads a number from a flag's text; says its range where it is none or outside of it.
pub fn number<T>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + fmt::Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let (low, high) = (range.start(), range.end());
        let number: Result<T, _> = text.parse();
        let number = number.map_err(|_| format!("write a number between {low} and {high}"))?;
        match range.contains(&number) {
            true => Ok(number),
            false => Err(format!("must be between {low} and {high}, not {number}")),
        }
    }
}

/// A table of a file, whose keys are the names of the settings: each value is read as its flag reads it.
impl<'de> Deserialize<'de> for TypedSettings {
    fn deserialize<D: Deserializer<'de>>(file: D) -> Result<Self, D::Error> {
        file.deserialize_map(Table(flags()))
    }
}

/// The flags, as a command of their own.
fn flags() -> Command {
    TypedSettings::augment_args(Command::new("run").no_binary_name(true))
}

/// What a setting is called in a file.
fn key(flag: &Arg) -> String {
    flag.get_id().as_str().replace('_', "-")
}

struct Table(Command);

impl<'de> Visitor<'de> for Table {
    type Value = TypedSettings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Self::Value, A::Error> {
        let mut words = Vec::new();
        while let Some(flag) = table.next_key_seed(Key(&self.0))? {
            words.extend(table.next_value_seed(Written(&self.0, flag))?);
        }
        let settings = self.0.try_get_matches_from(words);
        let settings = settings.and_then(|matches| TypedSettings::from_arg_matches(&matches));
        settings.map_err(|error| A::Error::custom(reason(&error)))
    }
}

/// The flag that a key stands for.
struct Key<'a>(&'a Command);

impl<'de, 'a> DeserializeSeed<'de> for Key<'a> {
    type Value = &'a Arg;

    fn deserialize<D: Deserializer<'de>>(self, file: D) -> Result<&'a Arg, D::Error> {
        let name = String::deserialize(file)?;
        let mut known = self.0.get_arguments();
        known.find(|flag| key(flag) == name).ok_or_else(|| {
            let known: Vec<String> = self.0.get_arguments().map(key).collect();
            let known = known.join("`, `");
            D::Error::custom(format!("unknown field `{name}`, expected one of `{known}`"))
        })
    }
}

/// The words that set a flag to the value that a file has of it.
struct Written<'a>(&'a Command, &'a Arg);

impl<'de> DeserializeSeed<'de> for Written<'_> {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, file: D) -> Result<Vec<String>, D::Error> {
        file.deserialize_any(self)
    }
}

impl Written<'_> {
    fn word<E: Error>(&self, value: &dyn fmt::Display) -> Result<Vec<String>, E> {
        let flag = self.1.get_long().unwrap_or_default();
        let word = format!("--{flag}={value}");
        let possible = self.1.get_possible_values();
        let value = value.to_string();
        if !possible.is_empty() && !possible.iter().any(|one| one.matches(&value, false)) {
            let known: Vec<&str> = possible.iter().map(|one| one.get_name()).collect();
            let known = known.join("`, `");
            return Err(E::custom(format!(
                "unknown variant `{value}`, expected one of `{known}`"
            )));
        }
        // By itself, so that the file's reader knows the place of what is wrong.
        match self.0.clone().try_get_matches_from([&word]) {
            Err(error) if error.kind() != ErrorKind::MissingRequiredArgument => {
                Err(E::custom(reason(&error)))
            }
            _ => Ok(vec![word]),
        }
    }
}

impl<'de> Visitor<'de> for Written<'_> {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of the flag")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Vec<String>, E> {
        let flag = self.1.get_long().unwrap_or_default();
        match (self.1.get_action(), value) {
            (ArgAction::SetTrue, true) => Ok(vec![format!("--{flag}")]),
            (ArgAction::SetTrue, false) => Ok(Vec::new()),
            _ => self.word(&value),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Vec<String>, E> {
        self.word(&value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Vec<String>, E> {
        self.word(&value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Vec<String>, E> {
        self.word(&value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Vec<String>, E> {
        self.word(&value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Vec<String>, A::Error> {
        let mut words = Vec::new();
        while let Some(one) = all.next_element_seed(Written(self.0, self.1))? {
            words.extend(one);
        }
        Ok(words)
    }
}

/// What is wrong with a value, without the flag around it.
fn reason(error: &clap::Error) -> String {
    match error.source() {
        Some(reason) => reason.to_string(),
        None => {
            let rendered = error.to_string();
            let said = rendered.split("\n\n").next().unwrap_or_default();
            said.trim_start_matches("error: ").into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wiring(name: &str) -> Vec<Wiring> {
        vec![wirings::find(name).expect("a wiring")]
    }

    fn synthetic(typed: TypedSettings) -> Settings {
        let plan = typed.plan(Engine::Synthetic);
        plan.expect("no contradiction").settings
    }

    #[test]
    fn a_flag_goes_before_a_scenario_and_a_scenario_before_the_default() {
        let of = |containers| TypedFleet {
            containers,
            ..TypedFleet::default()
        };
        let flags = TypedSettings {
            fleet: of(Some(7)),
            ..TypedSettings::default()
        };
        let scenario = TypedSettings {
            fleet: of(Some(9)),
            rotations: Some(3),
            ..TypedSettings::default()
        };
        let settings = synthetic(flags.or(scenario));
        assert_eq!((settings.containers, settings.rotations), (7, 3));
        assert_eq!(settings.workload, Some(Workload::default()));
    }

    #[test]
    fn a_flag_gives_up_what_contradicts_it_in_a_scenario() {
        let scenario = TypedSettings {
            time_scale: Some(30.0),
            health_check: Some(Duration::from_secs(30)),
            wirings: wiring("health-check-pool"),
            ..TypedSettings::default()
        };
        let flags = TypedSettings {
            clock: Some(Clock::Real),
            wirings: wiring("old"),
            ..TypedSettings::default()
        };
        let settings = synthetic(flags.or(scenario));
        assert_eq!((settings.clock, settings.time_scale), (Clock::Real, 1.0));
    }

    #[test]
    fn a_rotation_beyond_the_reach_of_the_clocks_is_refused() {
        for (clock, time_scale) in [(Clock::Real, None), (Clock::Compressed, Some(0.001))] {
            let typed = TypedSettings {
                rotation: Some(Duration::MAX),
                clock: Some(clock),
                time_scale,
                ..TypedSettings::default()
            };
            let refusal = typed.plan(Engine::Synthetic).expect_err("too long");
            assert!(refusal.to_string().contains("--rotation"), "{refusal}");
        }
    }

    #[test]
    fn five_minutes_are_compressed_to_a_second_and_half_a_second_is_left_alone() {
        assert_eq!(natural_time_scale(Duration::from_secs(300)), 300.0);
        assert_eq!(natural_time_scale(Duration::from_millis(500)), 1.0);
    }

    #[test]
    fn an_interval_of_checks_needs_a_wiring_that_checks() {
        let every = |name: &str, every| TypedSettings {
            wirings: wiring(name),
            health_check: every,
            ..TypedSettings::default()
        };
        let minute = Some(Duration::from_secs(60));
        let interval = |typed: TypedSettings| {
            let plan = typed.plan(Engine::Synthetic).expect("no contradiction");
            let check = plan.wirings[0].health_check.map(|check| check.every);
            assert_eq!(plan.settings.health_check, check);
            check
        };
        assert_eq!(interval(every("health-check-pool", minute)), minute);
        assert_eq!(
            interval(every("health-check-pool", None)),
            Some(HEALTH_CHECK)
        );
        assert_eq!(interval(every("old", None)), None);
        let refusal = every("old", minute).plan(Engine::Synthetic);
        let refusal = refusal.expect_err("no check").to_string();
        assert!(refusal.contains("--health-check"), "{refusal}");
    }

    #[test]
    fn where_nothing_is_typed_the_settings_are_the_incident_and_its_fix() {
        assert_eq!(synthetic(TypedSettings::default()), Settings::default());
    }

    #[test]
    fn every_default_is_the_one_that_the_help_names() {
        let mut command = flags();
        let help = command.render_long_help().to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let settings = serde_json::to_value(Settings::default()).expect("JSON");
        let mut compared = 0;
        for (name, default) in [
            ("--containers", settings["containers"].to_string()),
            (
                "--lines-per-second",
                settings["workload"]["lines_per_second"].to_string(),
            ),
            ("--silent", settings["workload"]["silent"].to_string()),
            ("--burst", settings["workload"]["burst"].to_string()),
            ("--seed", settings["workload"]["seed"].to_string()),
            ("--wiring", Settings::default().wirings.join(" ")),
            ("--rotation", duration::format(Settings::default().rotation)),
            ("--rotations", settings["rotations"].to_string()),
            ("--health-check", duration::format(HEALTH_CHECK)),
            ("--clock", Settings::default().clock.name().into()),
            (
                "--consumer-delay",
                duration::format(Settings::default().consumer_delay),
            ),
        ] {
            let (_, of_flag) = help.split_once(&format!("{name} <")).expect(name);
            let (_, named) = of_flag.split_once("[default: ").expect(name);
            assert!(
                named.starts_with(&default),
                "{name}: {default}, not {named:.20}"
            );
            compared += 1;
        }
        assert!(compared > 10);
    }

    #[test]
    fn a_table_of_a_file_sets_what_the_flags_set() {
        let table = "containers = 7\nsilent = 1\nwirings = [\"old\", \"fixed\"]\nrestart = \"7m\"\n\
                     keep-ended-streams = true\nfaults = [\"stall=0.5\"]\nclock = \"virtual\"\n";
        let words = "--containers=7 --silent=1 --wiring=old --wiring=fixed --restart=7m \
                     --keep-ended-streams --fault=stall=0.5 --clock=virtual";
        let written: TypedSettings = toml::from_str(table).expect("a table");
        let matches = flags().get_matches_from(words.split(' '));
        let typed = TypedSettings::from_arg_matches(&matches).expect("flags");
        assert_eq!(written, typed);
    }
}
