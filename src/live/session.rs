//! The view's life: taken on, told of news, heeding keys, and left.

use std::io::{IsTerminal, stderr};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use leakcheck_report::exit_code::Failure;
use nix::sys::signal::{Signal, raise};

use super::keyboard::{KeyPress, Keyboard};
use super::screen;
use super::state::{LiveState, News};
use super::terminal::LiveTerminal;
use super::view::{View, ViewAction};
use crate::sys::pause;
use crate::sys::pause::{Hold, HoldSwitch};
use crate::sys::stderr;

/// Between two drawings.
const FRAME: Duration = Duration::from_millis(100);
/// How often news, the terminal's size and the end are looked for while no key is pressed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// So much news waits for a terminal that takes nothing for a while; what comes after it is not shown.
const QUEUE: usize = 1000;

/// A view of what goes on, on the whole terminal. Whatever is said while it is there is printed when it
/// has been left.
#[derive(Debug)]
pub struct LiveView {
    pausing: &'static str,
    hold: Hold,
    said: Mutex<Vec<String>>,
    news: Mutex<Option<SyncSender<News>>>,
    /// What the thread is given.
    waiting: Mutex<Option<(Receiver<News>, HoldSwitch)>>,
}

/// The view while it is on the terminal; dropped, it is left.
#[derive(Debug)]
pub struct Entered<'a> {
    view: &'a LiveView,
    thread: Option<JoinHandle<()>>,
}

impl LiveView {
    /// A view that is not on the terminal yet; `pausing` says what stands still while it is paused.
    ///
    /// # Errors
    /// A usage failure where standard error is no terminal.
    pub fn new(pausing: &'static str) -> Result<Self, Failure> {
        if !stderr().is_terminal() {
            return Err(Failure::usage(
                "--live: standard error is no terminal to show it on: leave the flag out, or redirect \
                 standard output only",
            ));
        }
        let ((news, heard), (switch, hold)) = (sync_channel(QUEUE), pause::switch());
        Ok(Self {
            pausing,
            hold,
            said: Mutex::default(),
            news: Mutex::new(Some(news)),
            waiting: Mutex::new(Some((heard, switch))),
        })
    }

    /// What holds the measuring up while the view is paused.
    pub fn hold(&self) -> Hold {
        self.hold.clone()
    }

    /// Tells what is new. A view that is gone hears nothing.
    pub fn tell(&self, news: News) {
        if let Some(listening) = &*lock(&self.news) {
            let _ = listening.try_send(news);
        }
    }

    /// Shows a message, and prints it once the view has been left.
    pub fn say(&self, line: &str) {
        lock(&self.said).push(line.to_owned());
        match &*lock(&self.news) {
            Some(listening) => drop(listening.try_send(News::Message(line.to_owned()))),
            None => self.print_said(),
        }
    }

    /// Prints what was said and has not been printed, now that the view has been left.
    fn print_said(&self) {
        for line in lock(&self.said).drain(..) {
            stderr::say(line);
        }
    }

    /// Takes the terminal.
    ///
    /// SIGINT must be handled by now: the view raises it when somebody ends what goes on.
    ///
    /// # Errors
    /// A usage failure where the terminal cannot be controlled.
    pub fn enter(&self) -> Result<Entered<'_>, Failure> {
        let uncontrolled = |error| {
            Failure::usage(format!(
                "--live: the terminal cannot be controlled: {error}"
            ))
        };
        let mut entered = Entered {
            view: self,
            thread: None,
        };
        let Some((news, hold)) = lock(&self.waiting).take() else {
            return Ok(entered);
        };
        let keyboard = Keyboard::open().map_err(uncontrolled)?;
        let session = Session {
            terminal: LiveTerminal::take().map_err(uncontrolled)?,
            keyboard,
            news,
            hold,
            state: LiveState::default(),
            view: View {
                colours: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
                pausing: self.pausing,
                ..View::default()
            },
            started: Instant::now(),
        };
        let thread = std::thread::Builder::new().name("live view".into());
        let spawned = thread.spawn(move || session.show());
        entered.thread = Some(spawned.map_err(uncontrolled)?);
        Ok(entered)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        // The thread ends when nobody is left who could tell it anything.
        lock(&self.view.news).take();
        if let Some(thread) = self.thread.take() {
            // What it panicked with is said already.
            let _ = thread.join();
        }
        self.view.print_said();
    }
}

impl Drop for LiveView {
    fn drop(&mut self) {
        // One that never was on the terminal has something to say, too.
        self.print_said();
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the thread has.
struct Session {
    terminal: LiveTerminal,
    keyboard: Keyboard,
    news: Receiver<News>,
    hold: HoldSwitch,
    state: LiveState,
    view: View,
    started: Instant,
}

impl Session {
    /// Draws and heeds keys until nobody can tell anything any more, or the terminal is gone.
    fn show(mut self) {
        let mut drawn: Option<Instant> = None;
        let (mut stale, mut area) = (true, LiveTerminal::area());
        while let Some(heard) = self.hear() {
            stale |= heard;
            if std::mem::replace(&mut area, LiveTerminal::area()) != area {
                stale = true;
            }
            let until_next = drawn.map_or(Duration::ZERO, |drawn| {
                FRAME.saturating_sub(drawn.elapsed())
            });
            if stale && until_next.is_zero() {
                let (state, view) = (&self.state, &self.view);
                if let Err(_gone) = self.terminal.draw(|buffer| {
                    screen::draw(buffer, view.frozen.as_deref().unwrap_or(state), view)
                }) {
                    return;
                }
                (stale, drawn) = (false, Some(Instant::now()));
                continue;
            }
            let patience = if stale { until_next } else { LOOK_EVERY };
            let Ok(keys) = self.keyboard.keys(patience) else {
                return;
            };
            for key in keys {
                self.press(key);
                stale = true;
            }
        }
    }

    /// Takes all news in; whether there is anything new to be seen, or `None` at the end.
    fn hear(&mut self) -> Option<bool> {
        let elapsed = self.started.elapsed();
        let mut new = false;
        loop {
            match self.news.try_recv() {
                Ok(news) => self.state.hear(news, elapsed),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return None,
            }
            new = true;
        }
        if self.view.frozen.is_some() {
            return Some(false);
        }
        let ticked = self.view.elapsed.as_secs() != elapsed.as_secs();
        if new || ticked {
            self.view.elapsed = elapsed;
        }
        Some(new || ticked)
    }

    fn press(&mut self, key: KeyPress) {
        match self.view.press(key, &self.state) {
            Some(ViewAction::Pause(on)) => self.hold.set(on),
            // The same way as Ctrl-C goes without the view.
            Some(ViewAction::End) => drop(raise(Signal::SIGINT)),
            Some(ViewAction::Redraw) => self.terminal.forget(),
            None => {}
        }
    }
}
