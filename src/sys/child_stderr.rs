//! What a child process said last on its standard error: why it ended, as a rule.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use leakcheck_text::printable::printable;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStderr;
use tokio::task::JoinHandle;

/// How many lines are kept.
const KEPT: usize = 8;

/// Listens to a child's standard error, and keeps what it said last.
#[derive(Debug)]
pub struct LastWords {
    lines: Arc<Mutex<VecDeque<String>>>,
    listener: JoinHandle<()>,
}

impl LastWords {
    /// Listens from now on; must be called within a runtime.
    pub fn of(errors: ChildStderr) -> Self {
        let lines = Arc::<Mutex<VecDeque<String>>>::default();
        let kept = Arc::clone(&lines);
        let listener = tokio::spawn(async move {
            let (mut errors, mut line) = (BufReader::new(errors), Vec::new());
            // Whatever its encoding is.
            while matches!(errors.read_until(b'\n', &mut line).await, Ok(1..)) {
                let said = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_back(printable(&said));
                if kept.len() > KEPT {
                    kept.pop_front();
                }
            }
        });
        Self { lines, listener }
    }

    /// The last lines by now, in one; `None` where nothing was said.
    pub fn so_far(&self) -> Option<String> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<&str> = lines.make_contiguous().iter().map(String::as_str).collect();
        (!lines.is_empty()).then(|| lines.join(" / "))
    }

    /// The last lines of a child that has ended. Its standard error ends with it, unless another process has it
    /// too, which is waited for no longer than this.
    pub async fn of_the_dead(&mut self) -> Option<String> {
        const OTHERS: Duration = Duration::from_secs(2);
        drop(tokio::time::timeout(OTHERS, &mut self.listener).await);
        self.so_far()
    }
}
