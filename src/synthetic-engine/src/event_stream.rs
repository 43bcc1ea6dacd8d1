//! `GET /events`: what happened to the containers, and what happens.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use hyper::body::Frame;
use tokio::sync::watch;

use crate::daemon::Daemon;
use crate::documents;
use crate::errors::ApiError;
use crate::events::{Action, ContainerEvent};
use crate::filters::Filters;
use crate::query::Query;

/// The parameters of `GET /events`.
#[derive(Debug)]
pub struct EventRequest {
    since_ns: Option<i64>,
    until_ns: Option<i64>,
    filters: Filters,
}

impl EventRequest {
    /// Reads the parameters.
    ///
    /// # Errors
    /// 400 where a time or a filter is none, or where `since` is after `until`.
    pub fn parse(query: &Query) -> Result<Self, ApiError> {
        let since_ns = query.moment_ns("since")?;
        let until_ns = query.moment_ns("until")?;
        if let (Some(since), Some(until)) = (since_ns, until_ns)
            && since > until
        {
            return Err(ApiError::bad_parameter(format!(
                "`since` time ({}) cannot be after `until` time ({})",
                query.get("since").unwrap_or_default(),
                query.get("until").unwrap_or_default()
            )));
        }
        let supported = ["container", "event", "image", "label", "type"];
        let known = [
            "config", "daemon", "network", "node", "plugin", "scope", "secret", "service", "volume",
        ];
        Ok(Self {
            since_ns,
            until_ns,
            filters: Filters::parse(query, &supported, &known)?,
        })
    }

    /// The response body: what happened since `since`, then what happens until `until`, one JSON
    /// document a line.
    pub fn open(
        self,
        daemon: Arc<Daemon>,
    ) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
        let follower = Follower {
            happened: self.history(&daemon),
            next: daemon.events.since(u64::MAX).1,
            count: daemon.events.count(),
            request: self,
            daemon,
        };
        stream::unfold(follower, |mut this| async {
            let event = this.next().await?;
            Some((
                Ok(Frame::data(format!("{}\n", event.to_json()).into())),
                this,
            ))
        })
    }

    fn history(&self, daemon: &Daemon) -> VecDeque<ContainerEvent> {
        if self.since_ns.is_none() {
            return VecDeque::new();
        }
        // Of one that took another's place it is recorded.
        let mut first = daemon.registry.all();
        first.retain(|container| container.generation == 0);
        let births = first.iter().flat_map(|container| {
            [Action::Create, Action::Start].map(|action| ContainerEvent {
                container: Arc::clone(container),
                action,
                time_ns: container.created_at_ns,
            })
        });
        births
            .chain(daemon.events.since(0).0)
            .filter(|event| self.wants(event))
            .collect()
    }

    fn wants(&self, event: &ContainerEvent) -> bool {
        let container = &event.container;
        self.since_ns.is_none_or(|since| since <= event.time_ns)
            && self.until_ns.is_none_or(|until| event.time_ns <= until)
            && self.filters.any("type", |wanted| wanted == "container")
            && self
                .filters
                .any("event", |wanted| wanted == event.action.word())
            && self
                .filters
                .any("image", |wanted| wanted == documents::IMAGE)
            && self.filters.labels_match(documents::LABELS)
            && self.filters.any("container", |wanted| {
                container.name == wanted || (!wanted.is_empty() && container.id.starts_with(wanted))
            })
    }
}

struct Follower {
    request: EventRequest,
    daemon: Arc<Daemon>,
    happened: VecDeque<ContainerEvent>,
    /// The number of the next event that was not looked at.
    next: u64,
    count: watch::Receiver<u64>,
}

impl Follower {
    async fn next(&mut self) -> Option<ContainerEvent> {
        loop {
            if let Some(event) = self.happened.pop_front() {
                return Some(event);
            }
            self.count.mark_unchanged();
            let (news, next) = self.daemon.events.since(self.next);
            self.next = next;
            self.happened
                .extend(news.into_iter().filter(|event| self.request.wants(event)));
            if !self.happened.is_empty() {
                continue;
            }
            // The sender is in the daemon, which this follower keeps: no error to handle.
            match self.request.until_ns {
                None => drop(self.count.changed().await),
                Some(until) if until <= self.daemon.clock.now_ns() => return None,
                Some(until) => {
                    let end = self.daemon.clock.instant(until);
                    drop(tokio::time::timeout_at(end, self.count.changed()).await);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use serde_json::Value;

    use super::*;
    use crate::clock::EngineClock;
    use crate::spec::EngineSpec;
    use crate::workload::containers::Fleet;

    fn daemon() -> Arc<Daemon> {
        let spec = EngineSpec {
            fleet: Fleet::generate(2, 1.0, 1.0, 1),
            started_at_ns: 5_000_000_000,
        };
        Arc::new(Daemon::new(&spec, EngineClock::starting_at(10_000_000_000)))
    }

    async fn actions(daemon: Arc<Daemon>, query: &str) -> Vec<String> {
        let request = EventRequest::parse(&Query::parse(Some(query))).expect("a valid query");
        let frames: Vec<_> = request.open(daemon).collect().await;
        (frames.into_iter())
            .map(|frame| {
                let data = frame.expect("infallible").into_data().expect("data");
                let event: Value = serde_json::from_slice(&data).expect("JSON");
                format!(
                    "{} {}",
                    event["Actor"]["Attributes"]["name"], event["Action"]
                )
                .replace('"', "")
            })
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn history_tells_creation_and_start_and_what_ended_a_container() {
        let daemon = daemon();
        let web = daemon.registry.find("web-01").expect("exists");
        daemon.stop(&web);
        daemon.remove(&web, false).expect("it is stopped");
        let expected =
            ["create", "start", "kill", "die", "stop", "destroy"].map(|a| format!("web-01 {a}"));
        let query = r#"since=1&until=10.1&filters={"container":["web-01"]}"#;
        assert_eq!(actions(Arc::clone(&daemon), query).await, expected);
        assert!(actions(daemon, "since=6&until=9").await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_follower_gets_what_happens_until_its_end() {
        let daemon = daemon();
        let follower = tokio::spawn(actions(Arc::clone(&daemon), "until=12"));
        tokio::task::yield_now().await;
        daemon.stop(&daemon.registry.find("web-00").expect("exists"));
        assert_eq!(
            follower.await.expect("ends"),
            ["web-00 kill", "web-00 die", "web-00 stop"]
        );
    }

    #[test]
    fn since_after_until_is_refused_in_dockers_words() {
        let error =
            EventRequest::parse(&Query::parse(Some("since=100&until=50"))).expect_err("backwards");
        assert_eq!(
            error.message,
            "`since` time (100) cannot be after `until` time (50)"
        );
    }
}
