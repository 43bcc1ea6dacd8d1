//! Tells the program which tokio it was built with: its census counts that tokio's tasks.

fn main() {
    println!("cargo:rerun-if-changed=Cargo.lock");
    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    let mut lines = lock.lines().skip_while(|line| *line != "name = \"tokio\"");
    let version = lines
        .nth(1)
        .and_then(|line| line.strip_prefix("version = \""))
        .map_or("unknown", |version| version.trim_end_matches('"'));
    println!("cargo:rustc-env=LEAKCHECK_TOKIO_VERSION={version}");
}
