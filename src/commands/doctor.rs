//! `leakcheck doctor`: the environment checked, and what to do about each finding.

use clap::{Args, ValueEnum};
use comfy_table::{ContentArrangement, Table};
use leakcheck_report::exit_code::{ExitCode, Failure};
use leakcheck_report::render::section_text::STYLE;
use serde::Serialize;

use super::output::print;
use super::runtime;
use crate::docker::endpoint::Endpoint;
use crate::docker::image::DEFAULT_IMAGE;
use crate::doctor::check::{Check, Status};
use crate::doctor::{build, engine, machine};

const EXAMPLES: &str = "\
Examples:
  leakcheck doctor
  leakcheck doctor --host tcp://10.0.0.7:2375 --image alpine:3
  leakcheck doctor --format json | jq '.checks[] | select(.status != \"ok\")'

Exit code 0 when a run on synthetic containers will work, 4 when it will not. A
missing Docker engine is a warning: only run --engine docker needs one.";

/// Flags of `leakcheck doctor`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    /// The Docker engine: unix:///PATH, tcp://HOST:PORT, https://HOST:PORT, ssh://USER@HOST [default:
    /// DOCKER_HOST, else unix:///var/run/docker.sock]
    #[arg(long, value_name = "URL")]
    pub host: Option<String>,

    /// The image that real containers would run
    #[arg(long, value_name = "REF", default_value = DEFAULT_IMAGE)]
    pub image: String,

    /// How to print the findings
    #[arg(long, value_enum, default_value_t = DoctorFormat::Table)]
    pub format: DoctorFormat,
}

/// How the findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// A table to read.
    Table,
    /// One JSON document (`leakcheck.doctor/v1`).
    Json,
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct Findings<'a> {
    schema: &'static str,
    checks: &'a [Check],
}

/// Checks the environment and prints what it found.
///
/// # Errors
/// A usage failure for a malformed endpoint or image.
pub fn execute(args: DoctorArgs) -> Result<ExitCode, Failure> {
    let endpoint = Endpoint::resolve(args.host.as_deref())?;
    let engine = runtime::start()?.block_on(engine::checks(&endpoint, &args.image))?;
    let mut checks = vec![
        machine::fd_limit(),
        machine::fd_count(),
        machine::sockets(),
        build::spawn_sites(),
        build::console(),
    ];
    checks.extend(engine);
    print(&match args.format {
        DoctorFormat::Table => table(&checks),
        DoctorFormat::Json => json(&checks)?,
    })?;
    if checks.iter().any(|check| check.status == Status::Fail) {
        Ok(ExitCode::Environment)
    } else {
        Ok(ExitCode::Measured)
    }
}

fn json(checks: &[Check]) -> Result<String, Failure> {
    let findings = Findings {
        schema: "leakcheck.doctor/v1",
        checks,
    };
    Ok(serde_json::to_string_pretty(&findings).map_err(anyhow::Error::from)?)
}

fn table(checks: &[Check]) -> String {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["", "check", "found, and what to do"]);
    if !table.is_tty() {
        table.set_width(80);
    }
    for check in checks {
        let found = match &check.advice {
            Some(advice) => format!("{}\n→ {advice}", check.found),
            None => check.found.clone(),
        };
        table.add_row([check.status.word(), check.name, &found]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_80_columns_and_says_what_to_do() {
        let long = "a finding that takes more than one line ".repeat(4);
        let table = table(&[Check::warn("Docker engine", long, "start it")]);
        assert!(table.contains("→ start it"), "{table}");
        assert!(
            table.lines().all(|line| line.chars().count() <= 80),
            "{table}"
        );
    }
}
