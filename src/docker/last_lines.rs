//! How far each container has printed: what a follower must have read by then.

use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::LogsOptionsBuilder;
use docker_engine::error_text::told;
use futures_util::{StreamExt, TryStreamExt};
use leakcheck_report::exit_code::Failure;
use log_monitor::log_position::{LastLine, LogsOf};
use synthetic_engine::timestamps::split_timestamp;
use synthetic_engine::workload::containers;

/// About how many containers may be asked at a time.
pub const ASKED_AT_A_TIME: usize = 32;

/// How long one container's last line may take: the body of a log has no timeout of its own.
const PATIENCE: Duration = Duration::from_secs(30);

/// The last line that each container has printed, in the order of `ids` (ids or names, of tasks where the logs are theirs); `None`
/// where it has printed nothing. So many of them are asked about at a time, each over a connection.
///
/// # Errors
/// An environment failure that names the container when it is gone or the engine does not answer.
pub async fn read(
    docker: &Docker,
    logs_of: LogsOf,
    ids: &[String],
    at_a_time: usize,
) -> Result<Vec<Option<LastLine>>, Failure> {
    futures_util::stream::iter(ids)
        .map(|id| async move {
            match tokio::time::timeout(PATIENCE, last_line(docker, logs_of, id)).await {
                Ok(Ok(line)) => Ok(line),
                Ok(Err(error)) => Err(unreadable(id, &told(&error))),
                Err(_) => Err(unreadable(id, "no answer within 30 s")),
            }
        })
        .buffered(at_a_time)
        .try_collect()
        .await
}

async fn last_line(
    docker: &Docker,
    logs_of: LogsOf,
    id: &str,
) -> Result<Option<LastLine>, bollard::errors::Error> {
    let options = LogsOptionsBuilder::new()
        .stdout(true)
        .stderr(true)
        .follow(false)
        .timestamps(true)
        .tail("1")
        .build();
    let chunks: Vec<_> = match logs_of {
        LogsOf::Containers => docker.logs(id, Some(options)).try_collect().await?,
        LogsOf::Tasks => docker.task_logs(id, Some(options)).try_collect().await?,
    };
    let text: Vec<u8> = chunks
        .into_iter()
        .flat_map(|chunk| chunk.into_bytes())
        .collect();
    let refusal = match logs_of {
        LogsOf::Containers => None,
        LogsOf::Tasks => refusal(&text),
    };
    match refusal {
        Some(error) => Err(bollard::errors::Error::DockerStreamError { error }),
        None => Ok(last_line_of(&text)),
    }
}

/// What a swarm's manager said in place of a task's log, or of its rest, that it could not get from another
/// node. It comes as a frame of a type of its own, 3, whose head of 8 bytes the client takes for text.
pub(crate) fn refusal(text: &[u8]) -> Option<String> {
    const HEAD: &[u8] = &[3, 0, 0, 0];
    let head = text.windows(HEAD.len()).position(|bytes| bytes == HEAD)?;
    let said = text.get(head + 8..).unwrap_or_default();
    match String::from_utf8_lossy(said).trim() {
        "" => Some("the manager broke off".into()),
        said => Some(said.to_owned()),
    }
}

fn last_line_of(text: &[u8]) -> Option<LastLine> {
    let last = text.trim_ascii_end().rsplit(|byte| *byte == b'\n').next()?;
    let (timestamp, text) = split_timestamp(last)?;
    Some(LastLine {
        timestamp,
        sequence: containers::line_sequence(text),
    })
}

fn unreadable(id: &str, why: &str) -> Failure {
    Failure::environment(format!(
        "cannot read the last line of container {id}: {why}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_manager_says_in_place_of_a_log_is_no_silence() {
        let mut said = b"2026-01-01T00:00:07.000000000Z leakcheck a line 7\n".to_vec();
        assert_eq!(refusal(&said), None);
        said.extend([3, 0, 0, 0]);
        assert_eq!(refusal(&said).as_deref(), Some("the manager broke off"));
        said.extend([0, 0, 0, 45]);
        said.extend(b"Error grabbing logs: node x is not available\n");
        let told = refusal(&said);
        assert_eq!(
            told.as_deref(),
            Some("Error grabbing logs: node x is not available")
        );
    }

    #[test]
    fn the_last_line_counts_however_the_log_ends() {
        let at = "2026-01-01T00:00:07.000000000Z";
        for text in [
            format!("{at} leakcheck a line 6\n{at} leakcheck a line 7\n"),
            format!("{at} leakcheck a line 7"),
            format!("{at} leakcheck a line 7\r\n"),
        ] {
            let last = last_line_of(text.as_bytes()).expect("a line");
            assert_eq!(last.sequence, Some(7), "{text:?}");
            assert_eq!(last.timestamp.to_string(), "2026-01-01T00:00:07Z");
        }
        assert_eq!(last_line_of(b""), None);
        let foreign = format!("{at} somebody else's line\n");
        let last = last_line_of(foreign.as_bytes()).expect("a line");
        assert_eq!(last.sequence, None);
    }
}
