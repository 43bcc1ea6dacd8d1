//! The whole terminal (`--live`): what happens, as news for the live view.

mod run_news;
mod screen;
mod watch_news;

pub use screen::FullScreen;
