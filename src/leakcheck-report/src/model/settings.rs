//! The settings of an experiment, resolved: what a run goes by, what its report records, and what its
//! agents are given. The defaults and the limits stand here, once; the flags that set them stand in
//! `leakcheck`'s `experiment::settings`.

use std::time::Duration;

use clap::ValueEnum;
use leakcheck_text::{duration, json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use synthetic_engine::workload::containers::DEFAULT_LINES_PER_SECOND;
use synthetic_engine::workload::fault_choice::FaultChoice;

/// Settings, each with its value. One that a document lacks, because an earlier version wrote it, has its
/// default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Settings {
    /// Containers to follow; where they are found rather than made, as many as there were.
    pub containers: usize,
    /// What the containers do; null where they are found rather than made.
    pub workload: Option<Workload>,
    /// The wirings to compare, by their names.
    pub wirings: Vec<String>,
    /// Time between two rotations of a stream, on the monitor's clock.
    #[serde(rename = "rotation_ms", with = "ms")]
    #[cfg_attr(test, schemars(with = "f64"))]
    pub rotation: Duration,
    /// Rotations to make; at most so many where the run is to end earlier.
    pub rotations: u64,
    /// When the rotations end.
    pub until: Until,
    /// Interval of the health checks, on the monitor's clock; null where no wiring has one.
    #[serde(rename = "health_check_ms", with = "ms::if_any")]
    #[cfg_attr(test, schemars(with = "Option<f64>"))]
    pub health_check: Option<Duration>,
    /// The monitor's clock.
    pub clock: Clock,
    /// The factor by which the monitor's durations are divided.
    pub time_scale: f64,
    /// What the consumer takes for each chunk of log, in wall time.
    #[serde(rename = "consumer_delay_ms", with = "ms")]
    #[cfg_attr(test, schemars(with = "f64"))]
    pub consumer_delay: Duration,
}

/// What containers do that are made for an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Workload {
    /// Mean line rate of a chatty container, in wall time or that of the virtual clock.
    pub lines_per_second: f64,
    /// Share of the containers that print nothing.
    pub silent: f64,
    /// Lines that a container prints at once.
    pub burst: u32,
    /// Interval at which each container ends and starts again, on the monitor's clock; null where they
    /// run on.
    #[serde(rename = "restart_ms", with = "ms::if_any")]
    #[cfg_attr(test, schemars(with = "Option<f64>"))]
    pub restart: Option<Duration>,
    /// Whether the engine keeps a container's streams open when the container ends.
    pub keep_ended_streams: bool,
    /// Faults that the synthetic engine injects, as `NAME` or `NAME=SHARE` of the containers.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub faults: Vec<FaultChoice>,
    /// The seed of the containers' rates, and of their faults.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            containers: 50,
            workload: Some(Workload::default()),
            wirings: vec!["old".into(), "fixed".into()],
            rotation: Duration::from_secs(300),
            rotations: 12,
            until: Until::Rotations,
            health_check: None,
            clock: Clock::Compressed,
            time_scale: 300.0,
            consumer_delay: Duration::ZERO,
        }
    }
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            lines_per_second: DEFAULT_LINES_PER_SECOND,
            silent: 0.5,
            burst: 1,
            restart: None,
            keep_ended_streams: false,
            faults: Vec::new(),
            seed: 1,
        }
    }
}

/// The interval of the health checks where none is given, in wirings that have one.
pub const HEALTH_CHECK: Duration = Duration::from_secs(30);

/// What each number may be.
pub mod limits {
    use std::ops::RangeInclusive;

    use synthetic_engine::spec::MAX_LINES_PER_SECOND;

    /// Containers.
    pub const CONTAINERS: RangeInclusive<usize> = 1..=100_000;
    /// Rotations.
    pub const ROTATIONS: RangeInclusive<u64> = 1..=1_000_000;
    /// A share of the containers.
    pub const SHARE: RangeInclusive<f64> = 0.0..=1.0;
    /// Lines at once.
    pub const BURST: RangeInclusive<u32> = 1..=100_000;
    /// The mean line rate: the fastest container of an experiment has 1.6 times the mean.
    pub const LINE_RATE: RangeInclusive<f64> = 0.001..=MAX_LINES_PER_SECOND / 1.6;
    /// The compressed clock's factor.
    pub const TIME_SCALE: RangeInclusive<f64> = 0.001..=1_000_000.0;
}

/// The monitor's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// All of the monitor's durations divided by one factor; nothing else is simulated
    Compressed,
    /// Wall time
    Real,
    /// Paused time over connections in memory: an hour in seconds, the same each time
    Virtual,
}

impl Clock {
    /// The name that `--clock` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compressed => "compressed",
            Self::Real => "real",
            Self::Virtual => "virtual",
        }
    }

    /// Whether file descriptors and processes are what they are elsewhere: not in memory.
    pub fn has_sockets(self) -> bool {
        self != Self::Virtual
    }

    /// What is counted beside tasks: in memory, open connections stand for file descriptors.
    pub fn fd_unit(self) -> &'static str {
        match self.has_sockets() {
            true => "fds",
            false => "connections",
        }
    }
}

/// When the rotations of a wiring end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// When all have been made
    #[default]
    Rotations,
    /// When the evidence suffices, after 5 at the earliest, and all at the latest
    Verdict,
}

impl Settings {
    /// Reads what [`Settings::to_json`] wrote. Another version of leakcheck may have written a setting
    /// that this one does not know: it must not be left out without a word.
    ///
    /// # Errors
    /// Says what is wrong, or which setting is not known.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let given: Value = json::parse(text).map_err(|error| error.to_string())?;
        let settings = Self::deserialize(&given).map_err(|error| error.to_string())?;
        match first_difference(&given, &settings.value(), &[]) {
            Some((flag, given, _)) => Err(format!(
                "this version of leakcheck cannot do {flag} {given}: use the same version everywhere"
            )),
            None => Ok(settings),
        }
    }

    /// These settings in one line, for another process of leakcheck.
    pub fn to_json(&self) -> String {
        self.value().to_string()
    }

    fn value(&self) -> Value {
        value(self)
    }

    /// The interval at which each container ends and starts again, where it does.
    pub fn restart(&self) -> Option<Duration> {
        self.workload.as_ref().and_then(|workload| workload.restart)
    }

    /// The faults that the engine injects.
    pub fn faults(&self) -> &[FaultChoice] {
        self.workload
            .as_ref()
            .map_or(&[], |workload| &workload.faults)
    }
}

/// The first of some settings that differs from the other: its flag, its value in the one, and in the other.
/// Those of the fields named in `besides` may differ.
pub fn difference<T: Serialize>(
    was: &T,
    is: &T,
    besides: &[&str],
) -> Option<(String, String, String)> {
    first_difference(&value(was), &value(is), besides)
}

fn value<T: Serialize>(settings: &T) -> Value {
    // Neither names nor numbers of settings are such as JSON cannot hold.
    serde_json::to_value(settings).unwrap_or_default()
}

/// The first of two documents' values that differ.
fn first_difference(was: &Value, is: &Value, besides: &[&str]) -> Option<(String, String, String)> {
    let (Value::Object(was), Value::Object(is)) = (was, is) else {
        return None;
    };
    let added = is.keys().filter(|name| !was.contains_key(*name));
    let names = was.keys().chain(added);
    let mut compared = names.filter(|name| !besides.contains(&name.as_str()));
    compared.find_map(|name| {
        let value = |of: &serde_json::Map<_, _>| of.get(name).cloned().unwrap_or_default();
        let (was, is) = (value(was), value(is));
        if was == is {
            return None;
        }
        let within = first_difference(&was, &is, besides);
        match was.is_object() && is.is_object() {
            true => within,
            false => Some((flag(name, [&was, &is]), told(name, &was), told(name, &is))),
        }
    })
}

/// The flag of a field: `--rotation` of `rotation_ms`, and `--fault` of the list `faults`.
fn flag(name: &str, values: [&Value; 2]) -> String {
    let name = name.strip_suffix("_ms").unwrap_or(name).replace('_', "-");
    let repeated = values.iter().any(|value| value.is_array());
    let name = match name.strip_suffix('s') {
        Some(one) if repeated => one,
        _ => &name,
    };
    format!("--{name}")
}

/// A field's value as its flag takes it.
fn told(name: &str, value: &Value) -> String {
    match (value, value.as_f64()) {
        (Value::Null, _) => "none".into(),
        (Value::String(word), _) => word.clone(),
        (Value::Array(all), _) if all.is_empty() => "none".into(),
        (Value::Array(all), _) => {
            let all: Vec<String> = all.iter().map(|one| told(name, one)).collect();
            all.join(" ")
        }
        (_, Some(millis)) if name.ends_with("_ms") => {
            let told = Duration::try_from_secs_f64(millis / 1000.0).map(duration::format);
            told.unwrap_or_else(|_| value.to_string())
        }
        (Value::Number(number), Some(float)) if !number.is_u64() => float.to_string(),
        _ => value.to_string(),
    }
}

/// Durations as milliseconds, with a fraction where they have one.
mod ms {
    use std::time::Duration;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        match u64::try_from(duration.as_millis()) {
            Ok(millis) if *duration == Duration::from_millis(millis) => millis.serialize(to),
            _ => (duration.as_secs_f64() * 1000.0).serialize(to),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        read(f64::deserialize(from)?)
    }

    fn read<E: Error>(millis: f64) -> Result<Duration, E> {
        // Whole ones exactly: most are.
        match millis {
            whole if whole.fract() == 0.0 && (0.0..9e15).contains(&whole) => {
                Ok(Duration::from_millis(whole as u64))
            }
            other => Duration::try_from_secs_f64(other / 1000.0).map_err(E::custom),
        }
    }

    pub(super) mod if_any {
        use super::{Deserialize, Deserializer, Duration, Serializer};

        pub(in super::super) fn serialize<S: Serializer>(
            duration: &Option<Duration>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match duration {
                Some(duration) => super::serialize(duration, to),
                None => to.serialize_none(),
            }
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<Duration>, D::Error> {
            let millis = Option::<f64>::deserialize(from)?;
            millis.map(super::read).transpose()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_the_way_through_their_json() {
        let settings = Settings {
            consumer_delay: Duration::from_micros(1_500),
            health_check: Some(HEALTH_CHECK),
            workload: Some(Workload {
                faults: vec!["garbage=0.5".parse().expect("a fault")],
                restart: Some(Duration::from_secs(7)),
                silent: 0.1,
                ..Workload::default()
            }),
            ..Settings::default()
        };
        assert_eq!(Settings::from_json(&settings.to_json()), Ok(settings));
        let found = Settings {
            workload: None,
            ..Settings::default()
        };
        assert_eq!(Settings::from_json(&found.to_json()), Ok(found));
    }

    #[test]
    fn a_setting_that_this_version_does_not_know_is_refused_by_its_flag() {
        let mut json = Settings::default().value();
        json["workload"]["line_length"] = 80.into();
        let refusal = Settings::from_json(&json.to_string()).expect_err("not known");
        assert!(refusal.contains("--line-length 80"), "{refusal}");
    }

    #[test]
    fn a_setting_that_an_earlier_version_did_not_know_has_its_default() {
        let mut json = Settings::default().value();
        let known = json.as_object_mut().expect("an object");
        known.remove("consumer_delay_ms").expect("a setting");
        let settings: Settings = serde_json::from_value(json).expect("settings");
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn settings_that_differ_are_told_by_flag_and_value() {
        let difference = |change: fn(&mut Settings), besides: &[&str]| {
            let mut others = Settings::default();
            change(&mut others);
            super::difference(&Settings::default(), &others, besides)
        };
        let told = |flag: &str, was: &str, is: &str| Some((flag.into(), was.into(), is.into()));
        let rotation = |settings: &mut Settings| settings.rotation = Duration::from_secs(90);
        assert_eq!(
            difference(rotation, &[]),
            told("--rotation", "5m", "1m 30s")
        );
        assert_eq!(difference(rotation, &["rotation_ms"]), None);
        let fault = |settings: &mut Settings| {
            let workload = settings.workload.as_mut().expect("made");
            workload.faults = vec!["stall=0.5".parse().expect("a fault")];
        };
        assert_eq!(difference(fault, &[]), told("--fault", "none", "stall=0.5"));
        let until = |settings: &mut Settings| settings.until = Until::Verdict;
        assert_eq!(
            difference(until, &[]),
            told("--until", "rotations", "verdict")
        );
    }
}
