//! The flags by which a report is judged, and where the judgement is told.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::exit_code::Failure;
use crate::gate::baseline::{self, Conditions};
use crate::gate::expression::Gate;
use crate::gate::judge::{self, PartialReports};
use crate::model::report::{Config, GateResult, Report};
use crate::model::saved;
use crate::render::github;
use crate::sys::stderr;

/// What a report is judged by.
#[derive(Debug, Args)]
pub(super) struct Gating {
    /// Condition on the figures, as in 'fixed.tasks_per_rotation <= 0'; decides the exit code;
    /// repeatable
    #[arg(
        long = "gate",
        value_name = "EXPR",
        value_parser = Gate::parse,
        help_heading = "Judgement"
    )]
    pub(super) gates: Vec<Gate>,

    /// Saved report (`--save-baseline`, or --format json) than which nothing may be worse: no rate,
    /// no count over the baseline, no spawn site that did not leak before
    #[arg(
        long,
        value_name = "FILE",
        value_hint = clap::ValueHint::FilePath,
        help_heading = "Judgement"
    )]
    baseline: Option<PathBuf>,

    /// Compare with a baseline of other conditions, in the wirings that both have
    #[arg(long, requires = "baseline", help_heading = "Judgement")]
    baseline_any: bool,

    /// Tell GitHub Actions by annotations and a job summary [default: where GITHUB_ACTIONS is true]
    #[arg(long, help_heading = "Judgement")]
    github: bool,
}

impl Gating {
    /// Whether there is anything to judge by.
    pub(super) fn is_empty(&self) -> bool {
        self.gates.is_empty() && self.baseline.is_none()
    }

    /// Makes sure that gates and baseline are about these wirings under these conditions, and reads
    /// the baseline. `containers` is `None` where they are found and not asked for.
    ///
    /// # Errors
    /// A usage failure that says what does not fit.
    pub(super) fn check<'a>(
        &self,
        config: &Config,
        containers: Option<u64>,
        wirings: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<Option<Report>, Failure> {
        for gate in &self.gates {
            gate.check_wirings(wirings.clone())
                .map_err(Failure::usage)?;
        }
        let Some(path) = &self.baseline else {
            return Ok(None);
        };
        let unreadable = |error| Failure::usage(format!("--baseline: {error}"));
        let baseline = saved::read(path).map_err(unreadable)?;
        let conditions = match self.baseline_any {
            true => Conditions::Any,
            false => Conditions::Same,
        };
        let checked = baseline::check(&baseline, config, containers, wirings, conditions);
        let not_compared = checked
            .map_err(|error| Failure::usage(format!("--baseline {}: {error}", path.display())))?;
        if !not_compared.is_empty() {
            let names = not_compared.join(", ");
            stderr::say(format_args!(
                "leakcheck: not compared, since only one of the two reports has it: {names}"
            ));
        }
        Ok(Some(baseline))
    }

    /// Judges a report by the gates and by the baseline that [`Gating::check`] has read.
    ///
    /// # Errors
    /// A usage failure for a gate on a wiring that the report does not have.
    pub(super) fn judge(
        &self,
        report: &Report,
        baseline: Option<&Report>,
        partial: PartialReports,
    ) -> Result<Vec<GateResult>, Failure> {
        let judged = judge::judge_all(&self.gates, report, partial);
        let mut results = judged.map_err(Failure::usage)?;
        if let Some(baseline) = baseline {
            results.extend(baseline::compare(report, baseline, partial));
        }
        Ok(results)
    }

    /// Says which gates did not hold, on standard error: whatever the report's format is, and wherever
    /// it goes to, who reads a build's log sees why it ended.
    pub(super) fn tell(&self, report: &Report) {
        for gate in report.gates.iter().filter(|gate| !gate.held) {
            stderr::say(format_args!("leakcheck: {gate}"));
        }
        // GitHub reads both streams, and the report's must hold nothing else.
        self.tell_github(report, |annotations| stderr::say(annotations));
    }

    /// Tells GitHub Actions, where it listens: annotations through `command`, which writes lines
    /// where GitHub reads them, and a job summary.
    pub(super) fn tell_github(&self, report: &Report, command: impl FnOnce(&str)) {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        if !self.github && set("GITHUB_ACTIONS").is_none_or(|value| value != "true") {
            return;
        }
        let annotations = github::annotations(&report.gates);
        if !annotations.is_empty() {
            command(annotations.trim_end());
        }
        // Outside of GitHub Actions there is no summary to write.
        if let Some(path) = set("GITHUB_STEP_SUMMARY") {
            let path = Path::new(&path);
            if let Err(error) = append(path, report) {
                stderr::say(format_args!(
                    "leakcheck: warning: cannot write the job summary to {} \
                     (GITHUB_STEP_SUMMARY): {error}",
                    path.display()
                ));
            }
        }
    }
}

/// A step's summary is what all of its commands have added to it, and must not grow too large.
fn append(path: &Path, report: &Report) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).open(path)?;
    let there = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    file.write_all(github::summary(report, there).as_bytes())
}
