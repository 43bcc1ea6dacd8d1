//! `GET /containers/{id}/stats`: what a container uses, which is nothing: it has no process.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use hyper::body::Frame;
use serde_json::{Value, json};

use crate::clock::EngineClock;
use crate::container::SyntheticContainer;
use crate::daemon::Daemon;
use crate::query::Query;
use crate::timestamps;

/// As often as Docker tells.
const EVERY: Duration = Duration::from_secs(1);

/// Whether a client wants one document, or one each second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatsRequest {
    streams: bool,
}

impl StatsRequest {
    /// Reads the parameters; without any, the answer goes on.
    pub fn parse(query: &Query) -> Self {
        let once = query.flag("one-shot");
        let asked = query.get("stream").is_none() || query.flag("stream");
        Self {
            streams: asked && !once,
        }
    }

    /// The response body; it ends with the container.
    pub fn open(
        self,
        daemon: &Daemon,
        container: Arc<SyntheticContainer>,
    ) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + use<> {
        let clock = daemon.clock;
        stream::unfold((container, 0_u64), move |(container, told)| async move {
            if told > 0 {
                if !self.streams {
                    return None;
                }
                let mut now = container.watch();
                let ends = now.wait_for(|now| now.lifecycle.exit().is_some());
                if tokio::time::timeout(EVERY, ends).await.is_ok() {
                    return None;
                }
            }
            let document = document(&container, clock);
            Some((
                Ok(Frame::data(format!("{document}\n").into())),
                (container, told + 1),
            ))
        })
    }
}

fn document(container: &SyntheticContainer, clock: EngineClock) -> Value {
    let cpu = json!({
        "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
        "online_cpus": std::thread::available_parallelism().map_or(1, usize::from),
        "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
    });
    json!({
        "id": container.id, "name": format!("/{}", container.name),
        "read": timestamps::short(clock.now_ns()), "preread": timestamps::NEVER, "num_procs": 0,
        "pids_stats": {"current": 0}, "blkio_stats": {}, "networks": {}, "storage_stats": {},
        "memory_stats": {"usage": 0, "stats": {}}, "cpu_stats": &cpu, "precpu_stats": &cpu,
    })
}
