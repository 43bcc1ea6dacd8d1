//! What a spawn site is called, where it stands, and what it means.

/// A spawn site as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpawnSite {
    /// What its tasks are called: `reader`, `connection driver`.
    pub label: String,
    /// `src/monitor/reader.rs:41:9`, or from the package's folder on for a library.
    pub location: String,
    /// The package that holds it, with its version for a library.
    pub package: String,
}

/// A spawn site that has a name of its own.
struct Known {
    package: &'static str,
    file: &'static str,
    label: &'static str,
    meaning: &'static str,
}

/// The spawn sites of the monitor, and the hidden ones of the libraries that it stands on.
const KNOWN: &[Known] = &[
    Known {
        package: "leakcheck",
        file: "src/monitor/reader.rs",
        label: "reader",
        meaning: "moves chunks from one stream into the consumer's channel \
            (Go: the reader goroutine)",
    },
    Known {
        package: "hyper-util",
        file: "src/rt/tokio.rs",
        label: "connection driver",
        meaning: "hidden in hyper: drives one open HTTP connection, and holds its file descriptor \
            (Go: the transport's readLoop and writeLoop goroutines, two per connection)",
    },
    Known {
        package: "leakcheck",
        file: "src/monitor/supervisor.rs",
        label: "supervisor",
        meaning: "follows one container and consumes its lines (Go: the monitor's goroutine)",
    },
    Known {
        package: "leakcheck",
        file: "src/monitor/heartbeat.rs",
        label: "heartbeat",
        meaning: "beats every 30 s (Go: the heartbeat goroutine with its ticker)",
    },
    Known {
        package: "leakcheck",
        file: "src/monitor/health_check.rs",
        label: "health check",
        meaning: "inspects one container at an interval (Go: the health-check goroutine)",
    },
    Known {
        package: "leakcheck",
        file: "src/monitor/nested_read.rs",
        label: "nested read",
        meaning: "one read of a stream, in a task that its reader waits for with a limit \
            (Go: a goroutine around Read)",
    },
    Known {
        package: "leakcheck",
        file: "src/monitor/app_hook.rs",
        label: "hook",
        meaning: "would close one stream at the whole monitor's end \
            (Go: what context.AfterFunc registers, no goroutine until then)",
    },
    Known {
        package: "leakcheck",
        file: "src/monitor/drain.rs",
        label: "drain",
        meaning: "receives from a forgotten channel until its reader is gone \
            (Go: `for range ch` in a goroutine)",
    },
];

impl SpawnSite {
    /// Reads `file:line:column`, as the census gives it.
    pub fn parse(site: &str) -> Self {
        let (package, location) = split_package(site);
        let file = location.split(':').next().unwrap_or_default();
        let label = match known(&package, file) {
            Some(known) => known.label.into(),
            None => location.clone(),
        };
        let location = match package == "leakcheck" || package == "unknown" {
            true => location,
            false => format!("{package}/{location}"),
        };
        Self {
            label,
            location,
            package,
        }
    }
}

/// What the tasks of a label do and which goroutines they stand for; `None` for an unknown label.
pub fn meaning(label: &str) -> Option<&'static str> {
    KNOWN
        .iter()
        .find(|known| known.label == label)
        .map(|known| known.meaning)
}

fn known(package: &str, file: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| {
        let versioned = package.strip_prefix(known.package);
        file == known.file
            && versioned.is_some_and(|version| version.is_empty() || version.starts_with('-'))
    })
}

/// Splits a site's path at its package: cargo keeps a library under `…/registry/src/INDEX/` or
/// `…/git/checkouts/REPOSITORY/COMMIT/`; what this program itself compiled has a relative path, or
/// an absolute one that ends in it where it was installed from another folder.
fn split_package(site: &str) -> (String, String) {
    let site = site.replace('\\', "/");
    for (marker, folders) in [("/registry/src/", 1), ("/git/checkouts/", 2)] {
        if let Some((_, rest)) = site.split_once(marker) {
            let mut parts = rest.splitn(folders + 2, '/').skip(folders);
            if let (Some(package), Some(location)) = (parts.next(), parts.next()) {
                if package.starts_with("leakcheck") {
                    return ("leakcheck".into(), location.into());
                }
                return (package.into(), location.into());
            }
        }
    }
    match site.split_once("src/monitor/") {
        Some((_, rest)) => ("leakcheck".into(), format!("src/monitor/{rest}")),
        None if site.starts_with("src/") => ("leakcheck".into(), site),
        None => ("unknown".into(), site),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hypers_hidden_task_is_the_connection_driver() {
        let site = SpawnSite::parse(
            "/home/me/.cargo/registry/src/index/hyper-util-0.1.21/src/rt/tokio.rs:127:9",
        );
        assert_eq!(site.label, "connection driver");
        assert_eq!(site.package, "hyper-util-0.1.21");
        assert_eq!(site.location, "hyper-util-0.1.21/src/rt/tokio.rs:127:9");
    }

    #[test]
    fn the_monitors_own_sites_are_named_wherever_it_was_built() {
        for path in [
            "",
            "/tmp/leakcheck/",
            "/home/me/.cargo/registry/src/index/leakcheck-0.1.0/",
        ] {
            let site = SpawnSite::parse(&format!("{path}src/monitor/reader.rs:41:9"));
            assert_eq!(site.label, "reader");
            assert_eq!(site.package, "leakcheck");
            assert_eq!(site.location, "src/monitor/reader.rs:41:9");
        }
    }

    #[test]
    fn an_unknown_site_is_called_by_its_location() {
        let site = SpawnSite::parse("/x/registry/src/index/tower-0.5.3/src/buffer/worker.rs:1:2");
        assert_eq!(site.label, "src/buffer/worker.rs:1:2");
        assert_eq!(site.package, "tower-0.5.3");
    }
}
