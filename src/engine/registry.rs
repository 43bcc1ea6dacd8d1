//! The containers of an engine, found as Docker finds them: by id, by name, by the start of an id.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::engine::container::SyntheticContainer;
use crate::engine::errors::ApiError;
use crate::engine::lifecycle::Lifecycle;
use crate::engine::spec::EngineSpec;

/// The containers of an engine.
#[derive(Debug)]
pub struct Registry {
    containers: Vec<Arc<SyntheticContainer>>,
    by_name: HashMap<String, usize>,
    by_id: BTreeMap<String, usize>,
}

impl Registry {
    /// The containers of a spec, all running.
    pub fn new(spec: &EngineSpec) -> Self {
        let containers: Vec<_> = (spec.fleet.containers.iter())
            .map(|container| Arc::new(SyntheticContainer::new(container, spec.started_at_ns)))
            .collect();
        let numbered = || containers.iter().enumerate();
        Self {
            by_name: numbered()
                .map(|(n, container)| (container.name.clone(), n))
                .collect(),
            by_id: numbered()
                .map(|(n, container)| (container.id.clone(), n))
                .collect(),
            containers,
        }
    }

    /// All containers that were ever there, removed ones included, in the order of the fleet.
    pub fn ever(&self) -> &[Arc<SyntheticContainer>] {
        &self.containers
    }

    /// The containers that exist, in the order of the fleet.
    pub fn existing(&self) -> impl Iterator<Item = &Arc<SyntheticContainer>> {
        self.containers.iter().filter(|container| exists(container))
    }

    /// The container that `reference` names: its id, its name with or without the leading slash,
    /// or the start of its id that no other shares; in this order, as Docker's own.
    ///
    /// # Errors
    /// Docker's 404 where there is none, and its 500 where several ids start so.
    pub fn find(&self, reference: &str) -> Result<&Arc<SyntheticContainer>, ApiError> {
        let name = reference.strip_prefix('/').unwrap_or(reference);
        let exact = (self.by_id.get(reference).or_else(|| self.by_name.get(name)))
            .map(|&n| &self.containers[n])
            .filter(|container| exists(container));
        if let Some(container) = exact {
            return Ok(container);
        }
        let mut matches = (self.by_id.range(reference.to_owned()..))
            .take_while(|(id, _)| !reference.is_empty() && id.starts_with(reference))
            .map(|(_, &n)| &self.containers[n])
            .filter(|container| exists(container));
        match (matches.next(), matches.next()) {
            (Some(container), None) => Ok(container),
            (Some(_), Some(_)) => Err(ApiError::ambiguous_prefix(reference)),
            (None, _) => Err(ApiError::no_such_container(reference)),
        }
    }
}

fn exists(container: &SyntheticContainer) -> bool {
    !matches!(container.lifecycle(), Lifecycle::Removed(_))
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;

    use super::*;
    use crate::fleet::Fleet;

    fn registry(count: usize) -> Registry {
        Registry::new(&EngineSpec {
            fleet: Fleet::generate(count, 0.5, 1.0, 1),
            started_at_ns: 0,
        })
    }

    #[test]
    fn a_container_is_found_by_id_by_name_and_by_the_start_of_its_id() {
        let registry = registry(20);
        let id = registry.find("web-07").expect("by name").id.clone();
        for reference in [&id, &id[..12], "/web-07", "web-07"] {
            assert_eq!(registry.find(reference).expect(reference).name, "web-07");
        }
    }

    #[test]
    fn a_prefix_that_several_ids_share_is_refused_in_dockers_words() {
        let registry = registry(100);
        let error = registry
            .find("a")
            .expect_err("some of 100 ids start with the same digit");
        assert_eq!(error.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(error.message, "Multiple IDs found with provided prefix: a");
    }

    #[test]
    fn an_unknown_or_empty_reference_is_a_404() {
        for reference in ["nope", "", "/"] {
            let error = registry(3).find(reference).expect_err("no such container");
            assert_eq!(error.status, StatusCode::NOT_FOUND, "{reference:?}");
        }
    }
}
