//! The modules' layers: each imports only what lies below it, as the picture in `src/lib.rs` has it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// A package's folder of sources, and the name by which others import it.
struct Sources {
    files: BTreeMap<Vec<String>, syn::File>,
}

/// A module's path within its package: `["docker", "endpoint"]`.
type Module = Vec<String>;

impl Sources {
    /// All of a package's modules but those of packages within it.
    fn of(package: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(package)
            .join("src");
        let mut files = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() && !path.join("Cargo.toml").exists() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = fs::read_to_string(&path).expect("a source");
                    let file = syn::parse_file(&text).expect("a source that compiles");
                    files.insert(module_of(&root, &path), file);
                }
            }
        }
        Self { files }
    }

    /// Which module imports which, tests left out.
    fn imports(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let mut imports = BTreeMap::new();
        for (module, file) in &self.files {
            let mut paths = Paths {
                within: module.clone(),
                found: BTreeSet::new(),
            };
            paths.visit_file(file);
            let known = |path: &Module| {
                let mut path = path.clone();
                while !path.is_empty() && !self.files.contains_key(&path) {
                    path.pop();
                }
                path
            };
            let mut targets: BTreeSet<Module> = paths.found.iter().map(known).collect();
            targets.retain(|target| target != module && !target.is_empty());
            imports.insert(module.clone(), targets);
        }
        imports
    }
}

/// `src/docker/endpoint.rs` is `docker::endpoint`, `src/docker/mod.rs` is `docker`.
fn module_of(root: &Path, path: &Path) -> Module {
    let mut path: PathBuf = path.strip_prefix(root).expect("below the root").into();
    path.set_extension("");
    let names = path.iter().map(|name| name.to_string_lossy().into_owned());
    let mut module: Module = names.collect();
    if module
        .last()
        .is_some_and(|name| ["mod", "lib", "main"].contains(&name.as_str()))
    {
        module.pop();
    }
    module
}

/// The paths that a file writes out from its package's root or from its own module.
struct Paths {
    within: Module,
    found: BTreeSet<Module>,
}

impl Paths {
    fn add(&mut self, path: &[String]) {
        let mut base = match path.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some("super" | "self") => self.within.clone(),
            _ => return,
        };
        for name in path.iter().skip_while(|name| *name == "crate") {
            match name.as_str() {
                "super" => drop(base.pop()),
                "self" => {}
                name => base.push(name.to_owned()),
            }
        }
        self.found.insert(base);
    }

    fn add_tree(&mut self, prefix: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.add_tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.add(&with(&name.ident)),
            syn::UseTree::Rename(rename) => self.add(&with(&rename.ident)),
            syn::UseTree::Glob(_) => self.add(prefix),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_tree(prefix, tree);
                }
            }
        }
    }
}

impl Visit<'_> for Paths {
    fn visit_item_mod(&mut self, item: &syn::ItemMod) {
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && (attribute.parse_args::<syn::Path>()).is_ok_and(|path| path.is_ident("test"))
        };
        if !item.attrs.iter().any(is_test) {
            self.within.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.within.pop();
        }
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.add_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let names = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        self.add(&names.collect::<Vec<_>>());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &syn::Macro) {
        // A macro's arguments are no paths to the parser: what is spelt out in them is.
        let text = item.tokens.to_string().replace(' ', "");
        for (at, _) in text.match_indices("crate::") {
            let path = text[at..]
                .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
                .next()
                .unwrap_or_default();
            let names: Vec<String> = path.split("::").map(str::to_owned).collect();
            self.add(&names);
        }
        visit::visit_macro(self, item);
    }
}

/// The packages that show their layers in a picture.
const PICTURED: [&str; 2] = [".", "src/leakcheck-report"];

/// The layers of the picture in a package's `lib.rs`, the highest first: each line begins with its modules.
fn picture(package: &str) -> Vec<BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(package);
    let text = fs::read_to_string(path.join("src/lib.rs")).expect("a library");
    let (_, picture) = text.split_once("//! ```text\n").expect("a picture");
    let (picture, _) = picture.split_once("//! ```\n").expect("its end");
    let layer = |line: &str| {
        let line = line.trim_start_matches("//!").trim();
        let names = line.split(" · ").map(|words| words.split(' ').next());
        names.flatten().map(str::to_owned).collect()
    };
    picture.lines().map(layer).collect()
}

#[test]
fn every_module_imports_only_what_lies_below_it() {
    for package in PICTURED {
        check_layers(package);
    }
}

fn check_layers(package: &str) {
    let layers = picture(package);
    let layer_of = |module: &str| {
        layers
            .iter()
            .position(|layer| layer.contains(module))
            .unwrap_or_else(|| panic!("{package}/src/lib.rs shows no layer of {module}"))
    };
    let mut upwards = Vec::new();
    let mut modules = BTreeSet::new();
    for (module, targets) in Sources::of(package).imports() {
        let Some(from) = module.first() else { continue };
        modules.insert(from.clone());
        for target in targets.iter().filter(|target| target[0] != *from) {
            if layer_of(&target[0]) <= layer_of(from) {
                upwards.push(format!(
                    "{} imports {}",
                    module.join("::"),
                    target.join("::")
                ));
            }
        }
    }
    assert!(upwards.is_empty(), "{upwards:#?}");
    let shown: BTreeSet<String> = layers.into_iter().flatten().collect();
    assert_eq!(shown, modules, "the picture in {package}/src/lib.rs");
}

/// The modules that import each other in a circle, if any do.
fn circle(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<Module> {
    let mut left = imports.clone();
    // What imports nothing that is left is in no circle.
    loop {
        let names: BTreeSet<Module> = left.keys().cloned().collect();
        let before = left.len();
        left.retain(|_, targets| targets.iter().any(|target| names.contains(target)));
        if left.len() == before {
            return names.into_iter().collect();
        }
    }
}

/// The folders of all packages.
fn packages() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = fs::read_dir(root.join("src")).expect("a folder");
    let folders = folders.map(|entry| entry.expect("an entry").path());
    let packages = folders.filter(|folder| folder.join("Cargo.toml").exists());
    let packages = packages.map(|folder| {
        let folder = folder.strip_prefix(root).expect("below the root");
        folder.to_string_lossy().into_owned()
    });
    packages.chain([".".into()]).collect()
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for package in packages() {
        let package = package.as_str();
        let mut imports = Sources::of(package).imports();
        // A folder's own file holds re-exports and no logic: who imports those imports the file behind them.
        imports.retain(|module, _| !is_a_folders(module, package));
        let circle = circle(&imports);
        let names: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
        assert!(names.is_empty(), "{package}: {names:#?}");
    }
}

/// Whether a module is a folder's, whose file is `mod.rs`.
fn is_a_folders(module: &Module, package: &str) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(package)
        .join("src");
    module.is_empty() || folder.join(module.join("/")).join("mod.rs").exists()
}

#[test]
fn a_circle_and_an_import_in_a_macro_are_seen() {
    let module = |name: &str| vec![name.to_owned()];
    let imports = |pairs: &[(&str, &[&str])]| {
        let targets = |names: &[&str]| names.iter().map(|name| module(name)).collect();
        let pairs = pairs.iter().map(|(from, to)| (module(from), targets(to)));
        pairs.collect::<BTreeMap<Module, BTreeSet<Module>>>()
    };
    let round = imports(&[("a", &["b"]), ("b", &["c"]), ("c", &["a", "d"]), ("d", &[])]);
    assert_eq!(circle(&round), ["a", "b", "c"].map(module));
    let straight = imports(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])]);
    assert!(circle(&straight).is_empty());

    let source = "fn f() { println!(\"{}\", crate::text::figures::told(1.0)); }
        #[cfg(test)] mod tests { use crate::gate::judge; }
        mod inner { use super::super::model::Report; }";
    let file = syn::parse_file(source).expect("Rust");
    let mut paths = Paths {
        within: module("watch"),
        found: BTreeSet::new(),
    };
    paths.visit_file(&file);
    let found: Vec<String> = paths.found.iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["model::Report", "text::figures::told"]);
}
