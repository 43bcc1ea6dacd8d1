//! What GitHub Actions is told, where it listens: annotations and a job summary.

use std::io::Write;
use std::path::Path;

use leakcheck_report::model::report::Report;
use leakcheck_report::render::github;

use crate::events::{Consumer, Event};
use crate::sys::stderr;

/// Tells it.
pub struct GitHub<'a> {
    /// Whether it is told anything.
    listens: bool,
    /// Prints lines where GitHub reads them.
    print: Box<dyn Fn(&str) + Send + Sync + 'a>,
}

impl GitHub<'static> {
    /// Tells it on standard error: GitHub reads both streams, and the report's must hold nothing else.
    pub fn on_stderr(asked: bool) -> Self {
        GitHub::new(asked, |lines: &str| stderr::say(lines))
    }
}

impl<'a> GitHub<'a> {
    /// Tells it where somebody asked for that, or where its environment says that it is there; `print`
    /// prints lines where it reads them.
    pub fn new(asked: bool, print: impl Fn(&str) + Send + Sync + 'a) -> Self {
        let is_there = || set("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        Self {
            listens: asked || is_there(),
            print: Box::new(print),
        }
    }
}

impl Consumer for GitHub<'_> {
    fn hear(&self, event: &Event<'_>) {
        match *event {
            _ if !self.listens => {}
            Event::Judged(gates) => {
                let annotations = github::annotations(gates);
                if !annotations.is_empty() {
                    (self.print)(annotations.trim_end());
                }
            }
            Event::Reported(report) => summarise(report),
            _ => {}
        }
    }
}

/// Adds the report to the job summary. Outside of GitHub Actions there is none to write.
fn summarise(report: &Report) {
    let Some(path) = set("GITHUB_STEP_SUMMARY") else {
        return;
    };
    let path = Path::new(&path);
    if let Err(error) = append(path, report) {
        stderr::say(format_args!(
            "leakcheck: warning: cannot write the job summary to {} (GITHUB_STEP_SUMMARY): {error}",
            path.display()
        ));
    }
}

/// A variable of the environment that is not empty.
fn set(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// A step's summary is what all of its commands have added to it, and must not grow too large.
fn append(path: &Path, report: &Report) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).open(path)?;
    let there = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    file.write_all(github::summary(report, there).as_bytes())
}
