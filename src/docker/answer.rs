//! How long an engine's answer is waited for.

use std::time::Duration;

/// What an engine answers within a limit; else why there is no answer.
///
/// # Errors
/// As the engine says, and where it says nothing in time.
pub async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let silent = |_| Err(format!("no answer within {} s", limit.as_secs()));
    tokio::time::timeout(limit, answer)
        .await
        .unwrap_or_else(silent)
}
