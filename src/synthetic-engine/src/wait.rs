//! `POST /containers/{id}/wait`: an answer that comes when a container ends.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use hyper::body::Frame;
use serde_json::json;

use crate::container::{Now, SyntheticContainer};
use crate::errors::ApiError;
use crate::lifecycle::{Exit, Lifecycle};
use crate::query::Query;

/// What a client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitRequest {
    /// That it does not run: at once where it does not.
    NotRunning,
    /// Its next end.
    NextExit,
    /// That it is removed.
    Removed,
}

impl WaitRequest {
    /// Reads the parameters.
    ///
    /// # Errors
    /// 400 with Docker's text for a condition that there is not.
    pub fn parse(query: &Query) -> Result<Self, ApiError> {
        match query.get("condition") {
            None | Some("not-running") => Ok(Self::NotRunning),
            Some("next-exit") => Ok(Self::NextExit),
            Some("removed") => Ok(Self::Removed),
            Some(other) => Err(ApiError::bad_parameter(format!(
                "invalid condition: {other:?}"
            ))),
        }
    }

    /// The response body: one document, once it has happened. What ends and starts again at once has
    /// ended with status 0.
    pub fn open(
        self,
        container: Arc<SyntheticContainer>,
    ) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
        let before = *container.watch().borrow();
        stream::once(async move {
            let mut now = container.watch();
            // The sender is the container's, which is kept here: no error to handle.
            let code = match now.wait_for(|now| self.has_happened(&before, now)).await {
                Ok(now) => now.lifecycle.exit().map_or(0, |exit| exit.code),
                Err(_) => 0,
            };
            let document = json!({"StatusCode": code});
            Ok(Frame::data(format!("{document}\n").into()))
        })
    }

    fn has_happened(self, before: &Now, now: &Now) -> bool {
        let exit = |now: &Now| -> Option<Exit> { now.lifecycle.exit() };
        match self {
            Self::NotRunning => exit(now).is_some() || now.has_restarted_since(before),
            Self::NextExit => exit(now) != exit(before) || now.has_restarted_since(before),
            Self::Removed => matches!(now.lifecycle, Lifecycle::Removed(_)),
        }
    }
}
