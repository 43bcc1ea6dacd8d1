//! What clients ask for, by path, and what of it this engine does not know.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::Method;

/// So many different requests are told apart; of further ones only the sum.
const TOLD_APART: usize = 200;
/// What the sum of the others is called.
const OTHERS: &str = "others";

/// Requests by method and path, a container's id or name written as `{id}`.
#[derive(Debug, Default)]
pub struct Requests {
    known: Mutex<BTreeMap<String, u64>>,
    unknown: Mutex<BTreeMap<String, u64>>,
}

impl Requests {
    /// Counts a request; the path is taken apart, without the API's version.
    pub fn count(&self, method: &Method, path: &[&str], known: bool) {
        let mut path = path.to_vec();
        let of_one = path.len() > 2 || *method == Method::DELETE;
        if let ["containers", reference, ..] = &mut path[..]
            && of_one
        {
            *reference = "{id}";
        }
        let request = format!("{method} /{}", path.join("/"));
        let mut counts = lock(match known {
            true => &self.known,
            false => &self.unknown,
        });
        let request = match counts.contains_key(&request) || counts.len() < TOLD_APART {
            true => request,
            false => OTHERS.to_owned(),
        };
        *counts.entry(request).or_default() += 1;
    }

    /// Those that were answered.
    pub fn known(&self) -> BTreeMap<String, u64> {
        lock(&self.known).clone()
    }

    /// Those for which this engine has no answer.
    pub fn unknown(&self) -> BTreeMap<String, u64> {
        lock(&self.unknown).clone()
    }
}

fn lock(counts: &Mutex<BTreeMap<String, u64>>) -> MutexGuard<'_, BTreeMap<String, u64>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_not_told_apart_and_no_flood_of_paths_fills_the_memory() {
        let requests = Requests::default();
        for id in 0..1000 {
            let id = id.to_string();
            requests.count(&Method::GET, &["containers", &id, "logs"], true);
            requests.count(&Method::DELETE, &["containers", &id], true);
            requests.count(&Method::GET, &[&id], false);
        }
        requests.count(&Method::GET, &["containers", "json"], true);
        let known: Vec<_> = requests.known().into_iter().collect();
        let expected = [
            ("DELETE /containers/{id}", 1000),
            ("GET /containers/json", 1),
            ("GET /containers/{id}/logs", 1000),
        ];
        assert_eq!(
            known,
            expected.map(|(path, count)| (path.to_owned(), count))
        );
        let unknown = requests.unknown();
        assert_eq!(unknown.len(), TOLD_APART + 1);
        assert_eq!(unknown[OTHERS], 800);
    }
}
