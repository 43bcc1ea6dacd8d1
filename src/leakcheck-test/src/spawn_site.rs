//! Where a task was spawned: what the place is called, where it stands, and what its tasks do.

/// A spawn site as people read it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpawnSite {
    /// What its tasks are called: what their program declared, a well-known library's word such as
    /// `connection driver`, else the location.
    pub label: String,
    /// `src/follow.rs:41:9`, or from the package's folder on for a library.
    pub location: String,
    /// The package that holds it, with its version for a library; `unknown` where its path does not tell.
    pub package: String,
}

/// What a program declares of a spawn site of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// What its tasks are called.
    pub label: &'static str,
    /// The program's package: `env!("CARGO_PKG_NAME")`.
    pub package: &'static str,
    /// The folder that its paths are told from: `env!("CARGO_MANIFEST_DIR")`.
    pub folder: &'static str,
}

/// A library's spawn site that has a name of its own.
struct KnownSite {
    package: &'static str,
    file: &'static str,
    label: &'static str,
    meaning: &'static str,
}

/// The hidden spawn sites that everybody meets.
const KNOWN: &[KnownSite] = &[KnownSite {
    package: "hyper-util",
    file: "src/rt/tokio.rs",
    label: "connection driver",
    meaning: "hidden in hyper: drives one open HTTP connection, and holds its file descriptor \
        (Go: the transport's readLoop and writeLoop goroutines, two per connection)",
}];

impl SpawnSite {
    /// Reads `file:line:column`, as a runtime tells it.
    pub fn parse(site: &str) -> Self {
        let (package, location) = split_package(site);
        let Some(package) = package else {
            return Self {
                label: location.clone(),
                location,
                package: "unknown".into(),
            };
        };
        let file = location.split(':').next().unwrap_or_default();
        let known = KNOWN.iter().find(|known| known.is(&package, file));
        Self {
            label: known.map_or_else(|| location.clone(), |known| known.label.into()),
            location: format!("{package}/{location}"),
            package,
        }
    }

    /// The same for a site that its program has declared, wherever the program was built.
    pub fn declared(site: &str, declared: Declared) -> Self {
        let (_, location) = split_package(site);
        let within = location.strip_prefix(declared.folder);
        let within = within.and_then(|rest| rest.strip_prefix('/'));
        Self {
            label: declared.label.into(),
            location: within.map_or_else(|| location.clone(), str::to_owned),
            package: declared.package.into(),
        }
    }
}

/// What the tasks of a well-known library's label do, and which goroutines they stand for; `None` for any
/// other label.
pub fn meaning(label: &str) -> Option<&'static str> {
    let known = KNOWN.iter().find(|known| known.label == label);
    known.map(|known| known.meaning)
}

impl KnownSite {
    fn is(&self, package: &str, file: &str) -> bool {
        let version = package.strip_prefix(self.package);
        file == self.file
            && version.is_some_and(|version| version.is_empty() || version.starts_with('-'))
    }
}

/// Splits a site's path at its package: cargo keeps a library under `…/registry/src/INDEX/` or
/// `…/git/checkouts/REPOSITORY/COMMIT/`. What a workspace itself holds has a relative path, or any other.
fn split_package(site: &str) -> (Option<String>, String) {
    let site = site.replace('\\', "/");
    for (marker, folders) in [("/registry/src/", 1), ("/git/checkouts/", 2)] {
        if let Some((_, rest)) = site.split_once(marker) {
            let mut parts = rest.splitn(folders + 2, '/').skip(folders);
            if let (Some(package), Some(location)) = (parts.next(), parts.next()) {
                return (Some(package.into()), location.into());
            }
        }
    }
    (None, site)
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
    fn a_declared_site_is_told_the_same_wherever_its_program_was_built() {
        let declared = |folder| Declared {
            label: "follower",
            package: "shipper",
            folder,
        };
        for (folder, path) in [
            ("/tmp/shipper", ""),
            ("/tmp/shipper", "/tmp/shipper/"),
            (
                "/elsewhere",
                "/home/me/.cargo/registry/src/index/shipper-0.1.0/",
            ),
            (
                "/elsewhere",
                "/home/me/.cargo/git/checkouts/shipper-1f/2e3d/shipper/",
            ),
        ] {
            let site = format!("{path}src/follow.rs:41:9");
            let site = SpawnSite::declared(&site, declared(folder));
            assert_eq!(site.label, "follower");
            assert_eq!(site.location, "src/follow.rs:41:9");
            assert_eq!(site.package, "shipper");
        }
    }

    #[test]
    fn an_unknown_site_is_called_by_its_location() {
        let site = SpawnSite::parse("/x/registry/src/index/tower-0.5.3/src/buffer/worker.rs:1:2");
        assert_eq!(site.label, "src/buffer/worker.rs:1:2");
        assert_eq!(site.package, "tower-0.5.3");
        let site = SpawnSite::parse("tests/it/pool.rs:1:2");
        assert_eq!(site.label, "tests/it/pool.rs:1:2");
        assert_eq!(site.package, "unknown");
    }
}
