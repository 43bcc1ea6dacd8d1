//! A connection, as its requests see it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::followers::{FollowRecord, FollowedConnection};
use crate::resettable::Resets;

/// A connection, as its requests see it.
#[derive(Debug, Default)]
pub struct Connection {
    /// The containers whose logs were asked for over it.
    follows: Mutex<Vec<FollowedConnection>>,
    /// Whether it is reset in the end, where it can be: by an answer that breaks off.
    pub resets: Resets,
}

impl Connection {
    /// Takes note that a container's log was asked for.
    pub fn follows(&self, followed: &Arc<FollowRecord>) {
        let mut follows = self.follows.lock().unwrap_or_else(PoisonError::into_inner);
        if !follows.iter().any(|guard| guard.is_of(followed)) {
            follows.push(followed.connection());
        }
    }
}
