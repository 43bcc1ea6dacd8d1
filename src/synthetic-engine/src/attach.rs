//! `POST /containers/{id}/attach`: a container's output over a connection that is taken over from HTTP.

use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt;
use hyper::HeaderMap;
use hyper::body::{Bytes, Frame};
use hyper::header::{CONNECTION, UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, sink};

use crate::container::SyntheticContainer;
use crate::daemon::Daemon;
use crate::errors::ApiError;
use crate::follow::Broken;
use crate::logs::LogRequest;
use crate::query::Query;

/// The request for it, as one for a log: the same lines, from the first or from now on.
///
/// # Errors
/// 400 where no stream is chosen.
pub fn log_request(query: &Query) -> Result<LogRequest, ApiError> {
    Ok(LogRequest {
        follow: query.flag("stream"),
        timestamps: false,
        since_ns: None,
        until_ns: None,
        tail: (!query.flag("logs")).then_some(0),
        ..LogRequest::parse(query)?
    })
}

/// Whether a client asks to take its connection over; one that does not gets an ordinary answer.
pub fn asks_to_take_over(headers: &HeaderMap) -> bool {
    let says = |name, word: &str| {
        let values = headers.get_all(name).iter();
        let mut words = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(','));
        words.any(|one| one.trim().eq_ignore_ascii_case(word))
    };
    says(CONNECTION, "upgrade") && says(UPGRADE, "tcp")
}

/// Writes the lines once the connection is taken over. What the client writes is nobody's input, and
/// that it writes no more does not end it: the docker command says so at once. One that is gone is thus
/// noticed at the next line, as by Docker's own engine.
pub async fn carry<S>(
    daemon: Arc<Daemon>,
    container: Arc<SyntheticContainer>,
    taken_over: OnUpgrade,
    lines: S,
) where
    S: futures_util::Stream<Item = Result<Frame<Bytes>, Broken>>,
{
    let mut restarts = daemon.restarts.subscribe();
    // A client that went away before it was answered has nothing more to be told.
    let Ok(taken_over) = taken_over.await else {
        return;
    };
    let _open = daemon.counts.connection();
    let _of_container = container.followed.connection();
    let (mut input, mut output) = tokio::io::split(TokioIo::new(taken_over));
    let write = async {
        let mut lines = pin!(lines);
        while let Some(Ok(frame)) = lines.next().await {
            let Ok(bytes) = frame.into_data() else {
                continue;
            };
            if output.write_all(&bytes).await.is_err() {
                return;
            }
        }
        // Where it fails, the client was quicker.
        let _ = output.shutdown().await;
    };
    let read = async {
        if tokio::io::copy(&mut input, &mut sink()).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = write => {}
        () = read => {}
        _ = restarts.changed() => {}
    }
}
