//! What an agent handed back: its report, read from its task's log.

use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::LogsOptionsBuilder;
use docker_engine::error_text::told;
use futures_util::TryStreamExt;
use leakcheck_report::model::report::{Report, SCHEMA};
use leakcheck_report::model::saved::Saved;

use crate::docker::last_lines::refusal;

/// How long the log of an agent may take: it is read from its node through the manager.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoReport {
    /// The agent made none.
    NotMade(String),
    /// Its log could not be read; it may be at another time.
    Unread(String),
}

/// The report that an agent printed.
///
/// # Errors
/// Says why there is none, with what the agent said last.
pub async fn read(docker: &Docker, task: &str, node: &str) -> Result<Report, NoReport> {
    let printed = output(docker, task, Stream::Output).await;
    let printed = printed.map_err(NoReport::Unread)?;
    match Saved::of(node, printed).parse::<Report>(SCHEMA) {
        Ok(report) => Ok(report),
        Err(unreadable) => {
            let said = output(docker, task, Stream::Errors)
                .await
                .unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            Err(NoReport::NotMade(match complaint(&said) {
                Some(said) => format!("the agent made no report: {said}"),
                None => format!("the agent made no report: {unreadable}"),
            }))
        }
    }
}

/// What a program complained of, where it said so; else what it said last.
fn complaint(said: &str) -> Option<&str> {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let complains = |line: &&str| line.starts_with("leakcheck: ") || line.starts_with("error: ");
    lines().find(complains).or_else(|| lines().next_back())
}

/// One of a task's two output streams.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Output,
    Errors,
}

async fn output(docker: &Docker, task: &str, stream: Stream) -> Result<Vec<u8>, String> {
    let options = LogsOptionsBuilder::new()
        .stdout(stream == Stream::Output)
        .stderr(stream == Stream::Errors)
        .build();
    let reading =
        docker
            .task_logs(task, Some(options))
            .try_fold(Vec::new(), async |mut text, frame| {
                text.extend_from_slice(&frame.into_bytes());
                Ok(text)
            });
    match tokio::time::timeout(PATIENCE, reading).await {
        Ok(Ok(text)) => match refusal(&text) {
            Some(why) => Err(format!("the agent's log cannot be read: {why}")),
            None => Ok(text),
        },
        Ok(Err(error)) => Err(format!("the agent's log cannot be read: {}", told(&error))),
        Err(_) => Err(format!(
            "the agent's log does not come within {} s",
            PATIENCE.as_secs()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_made_no_report_is_quoted_with_its_complaint() {
        let usage =
            "error: unexpected argument '--x' found\n\nFor more information, try '--help'.\n";
        assert_eq!(
            complaint(usage),
            Some("error: unexpected argument '--x' found")
        );
        let panicked = "thread 'main' panicked:\nnothing left\n";
        assert_eq!(complaint(panicked), Some("nothing left"));
        assert_eq!(complaint("\n"), None);
    }
}
