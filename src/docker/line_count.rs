//! How many lines the engine's log holds of each container: what a follower of containers whose
//! lines carry no numbers must have delivered.

use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::LogsOptionsBuilder;
use docker_engine::error_text::told;
use futures_util::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use leakcheck_report::exit_code::Failure;
use synthetic_engine::timestamps::split_timestamp;

/// How many containers' logs are read at a time.
const READ_AT_A_TIME: usize = 8;

/// How long the next line of a log may take: the body of a log has no timeout of its own.
const PATIENCE: Duration = Duration::from_secs(30);

/// The lines that each container (id or name) printed from `since` to its own last moment, both
/// included.
///
/// # Errors
/// An environment failure that names the container when its log cannot be read.
pub async fn read(
    docker: &Docker,
    containers: &[(String, Option<Timestamp>)],
    since: Timestamp,
) -> Result<Vec<u64>, Failure> {
    futures_util::stream::iter(containers)
        .map(|(id, last)| async move {
            let Some(last) = last else {
                return Ok(0);
            };
            count(docker, id, since, *last).await.map_err(|error| {
                let why = told(&error);
                Failure::environment(format!("cannot read the log of container {id}: {why}"))
            })
        })
        .buffered(READ_AT_A_TIME)
        .try_collect()
        .await
}

async fn count(
    docker: &Docker,
    id: &str,
    since: Timestamp,
    last: Timestamp,
) -> Result<u64, bollard::errors::Error> {
    let options = LogsOptionsBuilder::new()
        .stdout(true)
        .stderr(true)
        .timestamps(true)
        .since(i32::try_from(since.as_second()).unwrap_or(i32::MAX))
        .build();
    let mut frames = docker.logs(id, Some(options));
    let mut lines = 0;
    loop {
        let frame = match tokio::time::timeout(PATIENCE, frames.try_next()).await {
            Ok(frame) => frame?,
            Err(_) => return Err(bollard::errors::Error::RequestTimeoutError),
        };
        let Some(frame) = frame else {
            return Ok(lines);
        };
        let line = frame.into_bytes();
        let at = split_timestamp(&line).map(|(timestamp, _)| timestamp);
        lines += u64::from(at.is_some_and(|at| since <= at && at <= last));
    }
}
