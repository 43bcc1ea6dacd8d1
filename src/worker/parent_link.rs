//! A worker's link to its parent: commands in, events out, and an end with the parent's end.

use std::io::{BufRead, Write};
use std::sync::mpsc::{Receiver, sync_channel};

use anyhow::{Context, bail};
use leakcheck_text::json;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use crate::protocol::{WorkerCommand, WorkerEvent};
use crate::sys::stderr;

/// Reads a plan and then commands from standard input, on a thread of its own: whatever state the
/// runtime is in, the process ends when its parent does, for the input ends then.
///
/// # Errors
/// Fails where the first line is no plan.
pub fn open<P>() -> anyhow::Result<(P, mpsc::UnboundedReceiver<WorkerCommand>)>
where
    P: DeserializeOwned + Send + 'static,
{
    let (plan_sender, plan_receiver) = sync_channel(1);
    let (commands_sender, commands) = mpsc::unbounded_channel();
    std::thread::Builder::new()
        .name("parent link".into())
        .spawn(move || {
            let mut lines = std::io::stdin().lock().lines().map_while(Result::ok);
            let plan = lines.next().map(|line| json::parse::<P>(&line));
            if plan_sender.send(plan).is_err() {
                return;
            }
            for line in lines {
                match json::parse(&line) {
                    Ok(command) => drop(commands_sender.send(command)),
                    Err(error) => stderr::say(format_args!("worker: ignoring a command: {error}")),
                }
            }
            std::process::exit(leakcheck_report::exit_code::ExitCode::Environment as i32);
        })
        .context("cannot start the thread that listens to the parent")?;
    Ok((first_line(&plan_receiver)?, commands))
}

fn first_line<P>(plan: &Receiver<Option<serde_json::Result<P>>>) -> anyhow::Result<P> {
    match plan.recv() {
        Ok(Some(plan)) => plan.context("standard input does not begin with a plan"),
        Ok(None) | Err(_) => bail!(
            "standard input is empty: `leakcheck worker` is started by `leakcheck run`, not by hand"
        ),
    }
}

/// Says something to the parent. A parent that no longer listens is gone.
pub fn say(event: &WorkerEvent) {
    let written = serde_json::to_string(event)
        .map_err(std::io::Error::other)
        .and_then(|line| writeln!(std::io::stdout().lock(), "{line}"));
    if written.is_err() {
        std::process::exit(leakcheck_report::exit_code::ExitCode::Environment as i32);
    }
}
