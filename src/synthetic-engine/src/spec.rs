//! What an engine serves: the fleet, and when its schedule starts.

use std::collections::HashSet;

use anyhow::ensure;
use serde::{Deserialize, Serialize};

use crate::workload::containers::Fleet;

/// The fastest line rate of one container, in lines per second.
pub const MAX_LINES_PER_SECOND: f64 = 1_000_000.0;

/// Everything that an engine's answers depend on, besides the time: two engines with the same
/// spec serve the same lines with the same timestamps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineSpec {
    /// The containers.
    pub fleet: Fleet,
    /// When the containers were created and started, in ns of unix time.
    pub started_at_ns: i64,
}

impl EngineSpec {
    /// Checks what the types do not say.
    ///
    /// # Errors
    /// Names the container whose name, rate or first line cannot be served.
    pub fn validate(&self) -> anyhow::Result<()> {
        let mut names = HashSet::new();
        for container in &self.fleet.containers {
            let name = &container.name;
            ensure!(
                is_container_name(name),
                "container name {name:?} is none to Docker; use letters, digits, '_', '.' and '-', \
                 and start with a letter or a digit"
            );
            ensure!(
                names.insert(name),
                "two containers are named {name}; names must differ"
            );
            ensure!(
                (0.0..=MAX_LINES_PER_SECOND).contains(&container.lines_per_second),
                "container {name}: {} lines per second; use 0 to {MAX_LINES_PER_SECOND}",
                container.lines_per_second
            );
            ensure!(
                container.first_line_s.is_finite() && container.first_line_s >= 0.0,
                "container {name}: first line after {} s; use 0 or more",
                container.first_line_s
            );
            let restarts_possible = (container.restarts).is_none_or(|restarts| {
                restarts.first_s.is_finite() && restarts.first_s >= 0.0 && restarts.every_s >= 0.001
            });
            ensure!(
                restarts_possible,
                "container {name}: {:?}; use 0.001 s or more between two restarts",
                container.restarts
            );
        }
        Ok(())
    }
}

/// Docker's own rule, `[a-zA-Z0-9][a-zA-Z0-9_.-]+`.
fn is_container_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() > 1
        && bytes[0].is_ascii_alphanumeric()
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> EngineSpec {
        EngineSpec {
            fleet: Fleet::generate(3, 0.5, 10.0, 1),
            started_at_ns: 0,
        }
    }

    #[test]
    fn a_generated_fleet_is_valid_and_survives_json() {
        let spec = spec();
        spec.validate().expect("generated fleets are valid");
        let line = serde_json::to_string(&spec).expect("serialises");
        assert!(!line.contains('\n'));
        assert_eq!(
            serde_json::from_str::<EngineSpec>(&line).expect("parses"),
            spec
        );
    }

    #[test]
    fn an_error_names_the_container_that_cannot_be_served() {
        let mut twice = spec();
        twice.fleet.containers[1].name = "web-00".into();
        let mut endless = spec();
        endless.fleet.containers[0].lines_per_second = f64::NAN;
        for wrong in [twice, endless] {
            let message = wrong.validate().expect_err("must be refused").to_string();
            assert!(message.contains("web-00"), "{message}");
        }
    }
}
