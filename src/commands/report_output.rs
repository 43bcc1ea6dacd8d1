//! The flags that say where a report goes.

use clap::Args;
use leakcheck_report::exit_code::{ExitCode, Failure};
use leakcheck_report::gate::judge;
use leakcheck_report::model::report::{Report, Verdict};
use leakcheck_report::render::export::Export;
use leakcheck_report::render::format::Format;

use super::gating::Gating;
use super::output;
use crate::events::{Consumer, Event};

/// The form of a report, and its files.
#[derive(Debug, Args)]
pub(super) struct ReportOutput {
    /// Form of the report on standard output
    #[arg(long, value_enum, default_value_t = Format::Table, help_heading = "Output")]
    format: Format,

    /// Also write the report to a file; repeatable
    #[arg(
        long = "export",
        value_name = "FORMAT=PATH",
        value_parser = Export::<Format>::parse,
        help_heading = "Output"
    )]
    exports: Vec<Export<Format>>,

    /// Show no progress
    #[arg(long, short, help_heading = "Output")]
    pub(super) quiet: bool,

    // Declared here for its heading: by itself it would stand alone above all others.
    /// Print help (-h: in short)
    #[arg(long, short, action = clap::ArgAction::Help, help_heading = "Output")]
    help: Option<bool>,
}

impl ReportOutput {
    /// Makes sure that the files can be written.
    pub(super) fn check(&self) -> Result<(), Failure> {
        output::check_exports(&self.exports)
    }

    /// Prints and exports the report of a process, and says what it came to: what did not last to the
    /// end is a failure where no gate says what to make of it.
    pub(super) fn finish(
        &self,
        report: &Report,
        gating: &Gating,
        interrupted: bool,
    ) -> Result<ExitCode, Failure> {
        let render = |format: Format, terminal| format.render(report, terminal);
        let published = output::publish(render, self.format, &self.exports);
        let consumers = gating.consumers();
        consumers.hear(&Event::Judged(&report.gates));
        consumers.hear(&Event::Reported(report));
        published?;
        if interrupted {
            return Ok(ExitCode::Interrupted);
        }
        // A process that leakcheck found leaks until it ends; one that it started should not have ended.
        let exercised = report.config.exercised.is_some();
        let unmeasured = report.wirings.iter().find(|wiring| {
            let ended = exercised || wiring.verdict == Verdict::Inconclusive;
            wiring.cut_short.is_some() && ended && gating.is_empty()
        });
        match unmeasured {
            Some(wiring) => Err(Failure::environment(format!(
                "{} could not be watched to the end: {}",
                wiring.name, wiring.reason
            ))),
            None => Ok(judge::exit_code(&report.gates)),
        }
    }
}
