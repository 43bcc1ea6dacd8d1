//! `GET /containers/json`: which containers a client asks for.

use regex_lite::Regex;
use serde_json::Value;

use crate::container::SyntheticContainer;
use crate::daemon::Daemon;
use crate::documents;
use crate::errors::ApiError;
use crate::filters::Filters;
use crate::query::Query;

/// The states that Docker knows; the synthetic containers have two of them.
const STATES: [&str; 7] = [
    "created",
    "dead",
    "exited",
    "paused",
    "removing",
    "restarting",
    "running",
];

/// The parameters of `GET /containers/json`.
#[derive(Debug)]
pub struct ListRequest {
    all: bool,
    limit: Option<usize>,
    filters: Filters,
    names: Vec<Regex>,
}

impl ListRequest {
    /// Reads the parameters.
    ///
    /// # Errors
    /// 400 where the limit is no number, or a filter or a state is none of Docker's.
    pub fn parse(query: &Query) -> Result<Self, ApiError> {
        let known = [
            "ancestor",
            "before",
            "exited",
            "expose",
            "health",
            "is-task",
            "isolation",
            "network",
            "publish",
            "since",
            "volume",
        ];
        let filters = Filters::parse(query, &["id", "label", "name", "status"], &known)?;
        if let Some(state) = filters
            .values("status")
            .iter()
            .find(|s| !STATES.contains(&s.as_str()))
        {
            return Err(ApiError::invalid_filter(format_args!("status={state}")));
        }
        // As in Docker, a limit of 0 or less is none.
        let limit = query
            .integer("limit")?
            .and_then(|limit| usize::try_from(limit).ok());
        Ok(Self {
            all: query.flag("all"),
            limit: limit.filter(|&limit| limit > 0),
            // As in Docker, a pattern that is none matches nothing.
            names: filters
                .values("name")
                .iter()
                .filter_map(|name| Regex::new(name).ok())
                .collect(),
            filters,
        })
    }

    /// The answer.
    pub fn answer(&self, daemon: &Daemon) -> Value {
        let now_ns = daemon.clock.now_ns();
        (daemon.registry.existing().into_iter())
            .filter(|container| self.wants(container))
            .take(self.limit.unwrap_or(usize::MAX))
            .map(|container| documents::summary(&container, now_ns))
            .collect()
    }

    fn wants(&self, container: &SyntheticContainer) -> bool {
        let state = container.lifecycle().word();
        // As in Docker, a limit and a state both ask for stopped containers too.
        let stopped_too =
            self.all || self.limit.is_some() || !self.filters.values("status").is_empty();
        (stopped_too || state == "running")
            && self.filters.any("status", |wanted| wanted == state)
            && self
                .filters
                .any("id", |start| container.id.starts_with(start))
            && self.filters.labels_match(documents::LABELS)
            && self.name_matches(&container.name)
    }

    /// Docker tries the name with and without its slash.
    fn name_matches(&self, name: &str) -> bool {
        self.filters.values("name").is_empty()
            || self
                .names
                .iter()
                .any(|n| n.is_match(name) || n.is_match(&format!("/{name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::EngineClock;
    use crate::spec::EngineSpec;
    use crate::workload::containers::Fleet;

    fn names(daemon: &Daemon, query: &str) -> Vec<String> {
        let request = ListRequest::parse(&Query::parse(Some(query))).expect("a valid query");
        let answer = request.answer(daemon);
        let entries = answer.as_array().expect("a list");
        entries
            .iter()
            .map(|entry| entry["Names"][0].as_str().expect("a name")[1..].into())
            .collect()
    }

    #[tokio::test]
    async fn filters_narrow_the_list_as_in_docker() {
        let spec = EngineSpec {
            fleet: Fleet::generate(12, 0.5, 1.0, 1),
            started_at_ns: 0,
        };
        let daemon = Daemon::new(&spec, EngineClock::wall());
        daemon.stop(&daemon.registry.find("web-03").expect("exists"));
        let id = &daemon.registry.find("web-05").expect("exists").id[..12];

        assert_eq!(names(&daemon, "").len(), 11);
        assert_eq!(names(&daemon, "all=1").len(), 12);
        assert_eq!(names(&daemon, "limit=2"), ["web-00", "web-01"]);
        assert_eq!(
            names(&daemon, r#"filters={"status":["exited"]}"#),
            ["web-03"]
        );
        assert_eq!(
            names(&daemon, r#"filters={"name":["b-1"]}"#),
            ["web-10", "web-11"]
        );
        assert_eq!(
            names(&daemon, r#"filters={"name":{"^/web-0[12]$":true}}"#),
            ["web-01", "web-02"]
        );
        assert!(names(&daemon, r#"filters={"name":["("]}"#).is_empty());
        assert_eq!(
            names(&daemon, &format!(r#"filters={{"id":["{id}"]}}"#)),
            ["web-05"]
        );
        assert_eq!(
            names(&daemon, r#"filters={"label":["leakcheck.synthetic=true"]}"#).len(),
            11
        );
        assert!(names(&daemon, r#"filters={"label":["other"]}"#).is_empty());
    }

    #[test]
    fn wrong_parameters_are_refused_in_dockers_words() {
        for (query, message) in [
            (r#"filters={"status":["zz"]}"#, "Invalid filter 'status=zz'"),
            (r#"filters={"bad":["x"]}"#, "Invalid filter 'bad'"),
            ("limit=x", r#"strconv.Atoi: parsing "x": invalid syntax"#),
        ] {
            let error = ListRequest::parse(&Query::parse(Some(query))).expect_err(query);
            assert_eq!(
                (error.status.as_u16(), error.message.as_str()),
                (400, message)
            );
        }
    }
}
