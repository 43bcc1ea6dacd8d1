//! The virtual clock against the hour that it stands for, and how soon the program is there.

use std::process::Command;

use super::program::{LEAKCHECK, time_of};
use super::{Row, median};

/// The incident: from the first stream to the last count.
const INCIDENT_S: f64 = 58.0 * 60.0;
/// Runs of each.
const RUNS: usize = 5;
/// Starts of each, in turn.
const STARTS: usize = 101;

pub fn measure() -> Vec<Row> {
    let incident = |wirings: &[&str]| {
        let run = |_| {
            let mut command = Command::new(LEAKCHECK);
            command.args(["run", "--clock=virtual", "--quiet", "--rotation=5m"]);
            command.args(["--containers=50", "--rotations=12"]);
            command.args(wirings);
            time_of(&mut command).as_secs_f64()
        };
        median((0..RUNS).map(run).collect())
    };
    let (one, both) = (incident(&["--wiring=fixed"]), incident(&[]));
    let (mut ours, mut least) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        ours.push(time_of(Command::new(LEAKCHECK).arg("--version")).as_secs_f64());
        least.push(time_of(&mut Command::new("true")).as_secs_f64());
    }
    let (ours, least) = (median(ours) * 1e3, median(least) * 1e3);
    let row = |what: &str, seconds: f64| {
        Row::new(
            format!("the incident's 58 minutes on the virtual clock, {what}"),
            format!("{seconds:.2} s"),
            format!("1 : {:.0}", INCIDENT_S / seconds),
        )
    };
    vec![
        row("`fixed`", one),
        row("`old` and `fixed`", both),
        Row::new(
            "`leakcheck --version` and `true`, from start to end",
            format!("{ours:.1} ms and {least:.1} ms"),
            format!("{:.1}", ours / least),
        ),
    ]
}
