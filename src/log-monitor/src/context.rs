//! Go's `context.Context` with the one property that Rust's cancellation tokens lack: cancelling
//! it aborts the requests that were opened with it, without a task that waits for the moment.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio_util::sync::CancellationToken;

use super::body::Body;

/// A level of cancellation that children, readers and requests descend from.
#[derive(Clone, Default)]
pub struct Context(Arc<Inner>);

#[derive(Default)]
struct Inner {
    token: CancellationToken,
    /// Keeps the way from the root open: a cancellation comes down through every ancestor.
    _parent: Option<Arc<Inner>>,
    requests: Mutex<WeakList<Body>>,
    children: Mutex<WeakList<Inner>>,
}

impl Context {
    /// A context that nothing but [`Context::cancel`] cancels.
    pub fn root() -> Self {
        Self::default()
    }

    /// A context that is cancelled with this one or by itself.
    pub fn child(&self) -> Self {
        let child = Arc::new(Inner {
            token: self.0.token.child_token(),
            _parent: Some(Arc::clone(&self.0)),
            ..Inner::default()
        });
        lock(&self.0.children).push(&child);
        Self(child)
    }

    /// A token that is cancelled with this context.
    pub fn token(&self) -> CancellationToken {
        self.0.token.child_token()
    }

    /// Ties an open request to this context: cancelling the context closes it.
    pub fn tie(&self, body: &Arc<Body>) {
        lock(&self.0.requests).push(body);
        // A cancellation that came between the request and this line would have missed it.
        if self.0.token.is_cancelled() {
            body.close();
        }
    }

    /// Cancels this context and its descendants, and closes every request tied to any of them.
    pub fn cancel(&self) {
        self.0.token.cancel();
        self.0.close_requests();
    }

    /// Waits until this context is cancelled.
    pub async fn cancelled(&self) {
        self.0.token.cancelled().await;
    }

    /// Does something, unless this context is cancelled before it is done.
    pub async fn until_cancelled<F: Future>(&self, what: F) -> Option<F::Output> {
        self.0.token.run_until_cancelled(what).await
    }
}

impl Inner {
    fn close_requests(&self) {
        for body in lock(&self.requests).take() {
            body.close();
        }
        for child in lock(&self.children).take() {
            child.close_requests();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Weak references, swept whenever their number has doubled since the last sweep.
struct WeakList<T> {
    items: Vec<Weak<T>>,
    sweep_at: usize,
}

impl<T> Default for WeakList<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            sweep_at: 8,
        }
    }
}

impl<T> WeakList<T> {
    fn push(&mut self, item: &Arc<T>) {
        if self.items.len() >= self.sweep_at {
            self.items.retain(|item| item.strong_count() > 0);
            self.sweep_at = 8.max(self.items.len() * 2);
        }
        self.items.push(Arc::downgrade(item));
    }

    fn take(&mut self) -> Vec<Arc<T>> {
        std::mem::take(&mut self.items)
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelling_a_parent_closes_the_requests_of_its_descendants() {
        let app = Context::root();
        let stream = app.child().child();
        let body = Body::open_for_ever();
        stream.tie(&body);
        app.cancel();
        assert!(body.is_closed());
    }

    #[test]
    fn cancelling_a_child_leaves_the_requests_of_its_parent_open() {
        let app = Context::root();
        let body = Body::open_for_ever();
        app.tie(&body);
        app.child().cancel();
        assert!(!body.is_closed());
    }

    #[test]
    fn a_request_tied_to_a_cancelled_context_is_closed_at_once() {
        let app = Context::root();
        app.cancel();
        let body = Body::open_for_ever();
        app.tie(&body);
        assert!(body.is_closed());
    }
}
