//! The containers of an engine, found as Docker finds them: by id, by name, by the start of an id.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::container::SyntheticContainer;
use crate::errors::ApiError;
use crate::lifecycle::Lifecycle;
use crate::spec::EngineSpec;

/// The containers of an engine.
#[derive(Debug)]
pub struct Registry {
    containers: RwLock<ContainerTable>,
}

#[derive(Debug)]
struct ContainerTable {
    in_order: Vec<Arc<SyntheticContainer>>,
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
        let containers = ContainerTable {
            by_name: numbered()
                .map(|(n, container)| (container.name.clone(), n))
                .collect(),
            by_id: numbered()
                .map(|(n, container)| (container.id.clone(), n))
                .collect(),
            in_order: containers,
        };
        Self {
            containers: RwLock::new(containers),
        }
    }

    /// All containers, removed ones included, but for those that another has taken the place of; in
    /// the order of the fleet.
    pub fn all(&self) -> Vec<Arc<SyntheticContainer>> {
        self.read().in_order.clone()
    }

    /// The containers that exist, in the order of the fleet.
    pub fn existing(&self) -> Vec<Arc<SyntheticContainer>> {
        let mut containers = self.all();
        containers.retain(|container| exists(container));
        containers
    }

    /// Puts a container into the place of the one with its name.
    pub fn replace(&self, container: Arc<SyntheticContainer>) {
        let mut containers = self
            .containers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(&n) = containers.by_name.get(&container.name) else {
            return;
        };
        let replaced = Arc::clone(&containers.in_order[n]);
        containers.by_id.remove(&replaced.id);
        containers.by_id.insert(container.id.clone(), n);
        containers.in_order[n] = container;
    }

    fn read(&self) -> RwLockReadGuard<'_, ContainerTable> {
        self.containers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The container that `reference` names: its id, its name with or without the leading slash,
    /// or the start of its id that no other shares; in this order, as Docker's own.
    ///
    /// # Errors
    /// Docker's 404 where there is none, and its 500 where several ids start so.
    pub fn find(&self, reference: &str) -> Result<Arc<SyntheticContainer>, ApiError> {
        let containers = self.read();
        let name = reference.strip_prefix('/').unwrap_or(reference);
        let by_id = containers.by_id.get(reference);
        let exact = (by_id.or_else(|| containers.by_name.get(name)))
            .map(|&n| &containers.in_order[n])
            .filter(|container| exists(container));
        if let Some(container) = exact {
            return Ok(Arc::clone(container));
        }
        let mut matches = (containers.by_id.range(reference.to_owned()..))
            .take_while(|(id, _)| !reference.is_empty() && id.starts_with(reference))
            .map(|(_, &n)| &containers.in_order[n])
            .filter(|container| exists(container));
        match (matches.next(), matches.next()) {
            (Some(container), None) => Ok(Arc::clone(container)),
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
    use crate::workload::containers::Fleet;

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
