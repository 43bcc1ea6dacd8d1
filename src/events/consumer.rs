//! Who hears of events.

use std::sync::Arc;

use super::event::Event;

/// Hears of everything that happens, and makes of it what it is there for.
pub trait Consumer: Send + Sync {
    /// Something happened. Whoever tells it waits meanwhile.
    fn hear(&self, event: &Event<'_>);
}

impl<C: Consumer + ?Sized> Consumer for Arc<C> {
    fn hear(&self, event: &Event<'_>) {
        (**self).hear(event);
    }
}

/// Several consumers, of which each hears of everything, in their order. With none, nobody does.
#[derive(Default)]
pub struct Several<'a>(Vec<Box<dyn Consumer + 'a>>);

impl<'a> Several<'a> {
    /// The same and another.
    #[must_use]
    pub fn and(mut self, consumer: impl Consumer + 'a) -> Self {
        self.0.push(Box::new(consumer));
        self
    }
}

impl Consumer for Several<'_> {
    fn hear(&self, event: &Event<'_>) {
        for consumer in &self.0 {
            consumer.hear(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Keeps what was said, each with its own name before it.
    struct Kept<'a>(&'a str, &'a Mutex<Vec<String>>);

    impl Consumer for Kept<'_> {
        fn hear(&self, event: &Event<'_>) {
            if let Event::Said(line) = event {
                let said = format!("{}: {line}", self.0);
                self.1.lock().expect("not poisoned").push(said);
            }
        }
    }

    #[test]
    fn each_consumer_hears_of_each_event_in_order() {
        let heard = Mutex::default();
        let all = Several::default()
            .and(Kept("first", &heard))
            .and(Arc::new(Kept("second", &heard)));
        for event in [Event::Said("a"), Event::Over, Event::Said("b")] {
            all.hear(&event);
        }
        drop(all);
        let heard = heard.into_inner().expect("not poisoned");
        assert_eq!(heard, ["first: a", "second: a", "first: b", "second: b"]);
    }
}
