//! How this process was started, for the provenance of what it writes.

use std::path::Path;
use std::time::{Instant, SystemTime};

use leakcheck_report::model::provenance::Provenance;
use leakcheck_text::duration::millis;
use leakcheck_text::secrets::masked;

use super::host_name::host_name;

/// How this process was started.
#[derive(Debug, Clone)]
pub struct Invocation {
    at: SystemTime,
    since: Instant,
    argv: Vec<String>,
}

impl Invocation {
    /// Of this process, which has been started just now.
    pub fn of_this_process() -> Self {
        let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
        // Whoever runs it again has the program elsewhere.
        let program = words.next().unwrap_or_default();
        let name = Path::new(&program).file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        Self {
            at: SystemTime::now(),
            since: Instant::now(),
            argv: masked(std::iter::once(name).chain(words)),
        }
    }

    /// Where a document comes from that is made now.
    pub fn provenance(&self) -> Provenance {
        Provenance {
            started_at: Some(humantime::format_rfc3339_millis(self.at).to_string()),
            duration_ms: Some(millis(self.since.elapsed())),
            host: Some(host_name()),
            ..self.timeless()
        }
    }

    /// The same for a document that must not differ from that of an equal command.
    pub fn timeless(&self) -> Provenance {
        use std::env::consts::{ARCH, OS};
        Provenance {
            started_at: None,
            duration_ms: None,
            host: None,
            os: Some(format!("{OS} {ARCH}")),
            argv: self.argv.clone(),
        }
    }
}
