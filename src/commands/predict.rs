//! `leakcheck predict`: what a monitor must leave, without running it.

use std::time::Duration;

use clap::Args;
use leakcheck_report::exit_code::{ExitCode, Failure};
use leakcheck_report::model::predict::{Prediction, PredictionConfig, RuntimeKind, SCHEMA};
use leakcheck_report::model::settings::{HEALTH_CHECK, Settings, Workload, limits};
use leakcheck_report::render::predict_summary;
use leakcheck_text::duration;
use leakcheck_text::duration::millis;
use log_monitor::wiring::{HealthCheck, Wiring};
use synthetic_engine::workload::containers;

use super::document_format::DocumentFormat;
use super::output;
use crate::analysis::arithmetic;
use crate::analysis::expectation::{Horizon, expect};
use crate::analysis::mechanisms;
use crate::analysis::observed::Observed;
use crate::analysis::prediction::Load;
use crate::experiment::plan;
use crate::experiment::settings::number;
use crate::wirings;

const EXAMPLES: &str = "\
Examples:
  leakcheck predict
      The incident's figures, and its post-mortem's arithmetic redone.
  leakcheck predict --containers 200 --rotation 10m --duration 24h --wiring old
      What a fleet would leave in a day.
  leakcheck predict --observed goroutines=1830,fds=937
      Which mechanisms fit a growth that was seen in a Go program.
  leakcheck predict --containers 8 --observed tasks=941,fds=470 --duration 30m
      The same with other conditions.

Nothing is measured: `leakcheck run` does that.";

/// Flags of `leakcheck predict`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PredictArgs {
    /// Containers followed
    #[arg(
        long,
        value_name = "N",
        default_value_t = Settings::default().containers,
        value_parser = number(limits::CONTAINERS)
    )]
    containers: usize,

    /// Time between two rotations of a stream: 90s, 5m, 1h30m [default: 5m]
    #[arg(long, value_name = "DUR", value_parser = interval)]
    rotation: Option<Duration>,

    /// How far to look ahead, or how long the observed growth took
    #[arg(long, value_name = "DUR", default_value = "58m", value_parser = interval)]
    duration: Duration,

    /// Share of the containers that print nothing, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = Workload::default().silent, value_parser = number(limits::SHARE))]
    silent: f64,

    /// Interval of the health checks, in wirings that have one [default: 30s]
    #[arg(long, value_name = "DUR", value_parser = interval)]
    health_check: Option<Duration>,

    /// Wiring to predict, by its name or letter in `leakcheck wirings`; repeatable
    #[arg(
        long = "wiring",
        value_name = "NAME",
        default_values = ["old", "line-fix", "fixed", "health-check-throwaway"],
        value_parser = wirings::find
    )]
    wirings: Vec<Wiring>,

    /// Growth that was seen within --duration: tasks=N or goroutines=N, and fds=N where it is known
    #[arg(long, value_name = "COUNTS", value_parser = Observed::parse)]
    observed: Option<Observed>,

    /// Whose figures to hold --observed against [default: go]
    #[arg(long, value_enum, requires = "observed")]
    runtime: Option<RuntimeKind>,

    /// How to print the prediction
    #[arg(long, value_enum, default_value_t = DocumentFormat::Table)]
    format: DocumentFormat,
}

/// Prints what is expected.
///
/// # Errors
/// A usage failure for a wiring that is given twice; else where standard output cannot be written.
pub fn execute(args: PredictArgs) -> Result<ExitCode, Failure> {
    plan::each_wiring_once(&args.wirings)?;
    let prediction = args.prediction()?;
    let text = args.format.render(&prediction, predict_summary::of)?;
    output::print(text.trim_end())?;
    Ok(ExitCode::Measured)
}

impl PredictArgs {
    fn prediction(&self) -> anyhow::Result<Prediction> {
        let horizon = self.horizon();
        let wirings = self.wirings.iter().map(|wiring| self.checked(wiring));
        let wirings = wirings.map(|wiring| expect(&wiring, horizon));
        let post_mortem = arithmetic::is_the_incident(horizon, self.observed)
            .then(arithmetic::lines)
            .transpose()?;
        let fit = |observed| {
            let runtime = self.runtime.unwrap_or(RuntimeKind::Go);
            let known = wirings::all();
            let known: Vec<Wiring> = known.iter().map(|wiring| self.checked(wiring)).collect();
            mechanisms::fit(observed, &known, runtime, horizon)
        };
        Ok(Prediction {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            measured: false,
            config: PredictionConfig {
                containers: horizon.load.containers,
                silent: horizon.load.silent.unwrap_or(0),
                rotation_ms: millis(self.rotation()),
                duration_ms: millis(self.duration),
                health_check_ms: millis(self.health_check()),
            },
            streams: horizon.streams(),
            wirings: wirings.collect(),
            observed: self.observed.map(fit).transpose()?,
            post_mortem,
        })
    }

    fn rotation(&self) -> Duration {
        self.rotation.unwrap_or(Settings::default().rotation)
    }

    fn health_check(&self) -> Duration {
        self.health_check.unwrap_or(HEALTH_CHECK)
    }

    fn horizon(&self) -> Horizon {
        let silent = containers::silent_among(self.containers, self.silent);
        Horizon {
            load: Load {
                containers: self.containers as u64,
                silent: Some(silent as u64),
                back_pressure: false,
                rotation: self.rotation(),
                restart: None,
                faults: false,
            },
            duration: self.duration,
        }
    }

    /// A wiring with the health check's interval that was asked for, where it has such a check.
    fn checked(&self, wiring: &Wiring) -> Wiring {
        let health_check = wiring.health_check.map(|check| HealthCheck {
            every: self.health_check(),
            ..check
        });
        Wiring {
            health_check,
            ..wiring.clone()
        }
    }
}

/// Parses a duration that the JSON can tell, which counts milliseconds.
fn interval(text: &str) -> Result<Duration, String> {
    match duration::parse_positive(text)? {
        short if short < Duration::from_millis(1) => Err("must be at least 1ms".into()),
        interval => Ok(interval),
    }
}
