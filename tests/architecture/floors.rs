//! The floors: what each module may import of ours, and which outside worlds it may touch.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::source::{Path, TestModule, paths, tokens, without_tests};
use super::{File, assert_none, files};

/// A world outside of a pure function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum World {
    Clock,
    Environment,
    Files,
    Processes,
    Sockets,
    Threads,
}

impl World {
    const ALL: &[Self] = &[Self::Clock, Self::Environment, Self::Files, Self::Processes, Self::Sockets, Self::Threads];

    /// The paths that lead into this world.
    const fn entrances(self) -> &'static [&'static str] {
        match self {
            Self::Clock => &[
                "std::time::Instant::now",
                "std::time::SystemTime::now",
                "tokio::time",
                "time::OffsetDateTime::now_utc",
                "time::OffsetDateTime::now_local",
                "time::UtcDateTime::now",
            ],
            Self::Environment => &["std::env"],
            Self::Files => &["std::fs", "tokio::fs", "rustix::fs"],
            Self::Processes => &["std::process", "tokio::process", "tokio::signal", "rustix::process"],
            Self::Sockets => &[
                "std::net::TcpListener",
                "std::net::TcpStream",
                "std::net::UdpSocket",
                "std::net::ToSocketAddrs",
                "std::os::unix::net",
                "tokio::net",
                "rustix::net",
                "socket2",
            ],
            Self::Threads => &["std::thread", "tokio::task", "tokio::runtime", "tokio::spawn"],
        }
    }
}

/// One line of the table.
struct Floor {
    module: &'static str,
    /// Modules of ours, beside itself.
    imports: &'static [&'static str],
    /// Crates, beside [`PURE_CRATES`].
    crates: &'static [&'static str],
    worlds: &'static [World],
}

/// Crates that compute and nothing else: no I/O, no clock, no thread. Any floor may use them.
const PURE_CRATES: &[&str] = &[
    "base64",
    "bytes",
    "foldhash",
    "hashbrown",
    "http",
    "httparse",
    "httpdate",
    "ipnet",
    "itoa",
    "memchr",
    "pin_project_lite",
    "regex",
    "regex_automata",
    "regex_syntax",
    "serde",
    "serde_json",
    "serde_path_to_error",
    "smallvec",
    "strsim",
    "thiserror",
    "time",
];

/// The whole table, from the top floor down. A module that is not here may not exist.
const FLOORS: &[Floor] = &[
    Floor {
        module: "controller",
        imports: &["persistent", "ir", "diagnostic", "settings", "snapshot", "compile", "tls", "live", "telemetry"],
        crates: &[
            "tokio",
            "kube",
            "k8s_openapi",
            "hyper",
            "hyper_util",
            "http_body_util",
            "tower",
            "notify",
            "hickory_resolver",
            "arc_swap",
            "tracing",
            "futures_util",
            "fastrand",
        ],
        worlds: World::ALL,
    },
    Floor {
        module: "proxy",
        imports: &["ir", "request", "table", "tls", "live", "telemetry"],
        crates: &["tokio", "rustls", "tracing", "futures_util", "socket2", "rustix", "fastrand"],
        worlds: &[World::Clock, World::Sockets, World::Threads],
    },
    Floor {
        module: "admin",
        imports: &["ir", "diagnostic", "request", "table", "live", "telemetry"],
        crates: &["tokio", "hyper", "hyper_util", "http_body_util", "tracing"],
        worlds: &[World::Clock, World::Sockets, World::Threads],
    },
    Floor { module: "live", imports: &["persistent", "ir", "table", "tls"], crates: &["arc_swap"], worlds: &[] },
    Floor {
        module: "telemetry",
        imports: &["ir", "diagnostic"],
        crates: &["arc_swap", "prometheus", "tracing", "tracing_subscriber", "crossbeam_channel"],
        worlds: &[World::Threads],
    },
    Floor {
        module: "migrate",
        imports: &["ir", "diagnostic", "settings", "annotations", "snapshot", "compile"],
        crates: &["k8s_openapi"],
        worlds: &[],
    },
    Floor {
        module: "compile",
        imports: &["persistent", "ir", "diagnostic", "settings", "annotations", "snapshot", "table", "tls"],
        crates: &["k8s_openapi"],
        worlds: &[],
    },
    Floor { module: "request", imports: &["ir", "table"], crates: &[], worlds: &[] },
    Floor { module: "annotations", imports: &["ir", "diagnostic"], crates: &[], worlds: &[] },
    Floor { module: "table", imports: &["persistent", "ir"], crates: &[], worlds: &[] },
    Floor { module: "snapshot", imports: &["persistent", "ir", "diagnostic"], crates: &["k8s_openapi"], worlds: &[] },
    Floor {
        module: "tls",
        imports: &["persistent", "ir", "diagnostic"],
        crates: &["rustls", "aws_lc_rs", "rcgen", "x509_parser"],
        worlds: &[],
    },
    Floor { module: "settings", imports: &["ir", "diagnostic"], crates: &["clap"], worlds: &[] },
    Floor { module: "diagnostic", imports: &["persistent", "ir"], crates: &[], worlds: &[] },
    Floor { module: "ir", imports: &["persistent"], crates: &[], worlds: &[] },
    Floor { module: "persistent", imports: &[], crates: &[], worlds: &[] },
];

/// Modules above and beside the floors, which may use everything.
const FREE: &[&str] = &["cli", "main", "lib", "testing"];

/// Files that may do more than their floor.
const EXCEPTIONS: &[(&str, &[&str], &[World])] = &[
    ("src/snapshot/manifest", &["serde_saphyr"], &[World::Files]),
    // The access log may be a file.
    ("src/telemetry/log", &[], &[World::Files]),
];

#[test]
fn every_module_keeps_to_its_floor() {
    let crates = dependencies();
    let files = files(&["src"]);
    let tests = test_files(&files);
    let checked = files.iter().filter(|file| !tests.iter().any(|test| is_file_of(&file.name, test)));
    assert_none("paths that leave their floor", &checked.flat_map(|file| faults(file, &crates)).collect::<Vec<_>>());
}

/// What a file does that its floor forbids.
fn faults(file: &File, crates: &BTreeSet<String>) -> Vec<String> {
    let module = module_of(&file.name);
    let top = module.first().map_or("lib", String::as_str);
    if FREE.contains(&top) {
        return Vec::new();
    }
    let Some(floor) = FLOORS.iter().find(|floor| floor.module == top) else {
        return vec![format!("{}: no floor is called {top}", file.name)];
    };
    let (tokens, _) = without_tests(&tokens(&file.text));
    let paths = paths(&tokens, &module);
    let mut found: Vec<String> = paths
        .iter()
        .filter_map(|path| fault(file, floor, crates, path).map(|fault| format!("{}:{} {fault}", file.name, path.line)))
        .collect();
    if !may(file, floor, World::Clock) {
        let reads = tokens.windows(2).filter(|pair| pair[0].text == "." && pair[1].text == "elapsed");
        found.extend(reads.map(|pair| format!("{}:{} reads the clock", file.name, pair[0].line)));
    }
    found
}

fn fault(file: &File, floor: &Floor, crates: &BTreeSet<String>, path: &Path) -> Option<String> {
    let first = path.segments.first()?.as_str();
    let spelt = path.segments.join("::");
    if first == "crate" || first == "landfall" {
        let target = path.segments.get(1)?.as_str();
        let allowed = target == floor.module || floor.imports.contains(&target);
        return (!allowed).then(|| format!("imports {spelt}"));
    }
    let world = World::ALL.iter().find(|world| world.entrances().iter().any(|entrance| path.is_within(entrance)));
    if let Some(world) = world.filter(|world| !may(file, floor, **world)) {
        return Some(format!("touches {world:?} by {spelt}"));
    }
    let extra = exception(file).is_some_and(|(_, crates, _)| crates.contains(&first));
    let allowed = PURE_CRATES.contains(&first) || floor.crates.contains(&first) || extra;
    (crates.contains(first) && !allowed).then(|| format!("uses the crate {first} by {spelt}"))
}

fn may(file: &File, floor: &Floor, world: World) -> bool {
    floor.worlds.contains(&world) || exception(file).is_some_and(|(_, _, worlds)| worlds.contains(&world))
}

fn exception(file: &File) -> Option<&'static (&'static str, &'static [&'static str], &'static [World])> {
    EXCEPTIONS.iter().find(|(prefix, _, _)| is_file_of(&file.name, prefix))
}

/// Whether `name` is the file of the module at `prefix` (`src/a/b`), or below it.
fn is_file_of(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// The modules that are declared under `#[cfg(test)]`, as `src/a/b`.
fn test_files(files: &[File]) -> Vec<String> {
    let of_file = |file: &File| {
        let (_, modules) = without_tests(&tokens(&file.text));
        let children = std::iter::once("src".to_owned()).chain(module_of(&file.name)).collect::<Vec<_>>().join("/");
        let siblings = file.name.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        modules.into_iter().map(move |module| match module {
            TestModule::Named(name) => format!("{children}/{name}"),
            TestModule::At(path) => format!("{siblings}/{}", path.trim_end_matches(".rs")),
        })
    };
    files.iter().flat_map(of_file).collect()
}

/// The module of a file: `src/a/mod.rs` and `src/a.rs` are `["a"]`.
fn module_of(name: &str) -> Vec<String> {
    let inside = name.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    inside.split('/').filter(|part| *part != "lib").map(str::to_owned).collect()
}

/// The names of the crates that the library depends on, as source spells them.
fn dependencies() -> BTreeSet<String> {
    let manifest = include_str!("../../Cargo.toml");
    let (_, section) = manifest.split_once("\n[dependencies]\n").expect("the manifest has dependencies");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split_once(" =")).map(|(name, _)| name.replace('-', "_")).collect()
}

#[test]
fn every_floor_stands_on_floors_below_it() {
    for (at, floor) in FLOORS.iter().enumerate() {
        for import in floor.imports {
            let below = FLOORS.iter().skip(at + 1).any(|lower| lower.module == *import);
            let beside = FLOORS.iter().any(|other| other.module == *import && !other.imports.contains(&floor.module));
            assert!(below || beside, "{} may not import {import}, which is above it", floor.module);
        }
    }
}

/// The table as `ARCHITECTURE.md` has it. `LANDFALL_REWRITE_GOLDENS=1` writes it there.
#[test]
fn the_document_has_this_table() {
    const OPEN: &str = "<!-- generated: floors -->\n";
    const CLOSE: &str = "<!-- end of generated: floors -->";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let document = std::fs::read_to_string(&path).expect("the document can be read");
    let (before, rest) = document.split_once(OPEN).expect("the table begins");
    let (inside, after) = rest.split_once(CLOSE).expect("the table ends");
    let wanted = table();
    if std::env::var_os("LANDFALL_REWRITE_GOLDENS").is_some() && inside != wanted {
        let text = format!("{before}{OPEN}{wanted}{CLOSE}{after}");
        std::fs::write(&path, text).expect("the document can be written");
        return;
    }
    assert_eq!(inside, wanted, "ARCHITECTURE.md is behind the table");
}

fn table() -> String {
    let mut table = "\n| module | imports | crates | worlds |\n|---|---|---|---|\n".to_owned();
    for Floor { module, imports, crates, worlds } in FLOORS {
        let worlds: Vec<_> = worlds.iter().map(|world| format!("{world:?}").to_lowercase()).collect();
        let cells = [imports.join(" "), crates.join(" "), worlds.join(" ")].map(|cell| or_dash(&cell));
        writeln!(table, "| `{module}` | {} |", cells.join(" | ")).expect("a string takes any text");
    }
    for (file, crates, worlds) in EXCEPTIONS {
        let worlds: Vec<_> = worlds.iter().map(|world| format!("{world:?}").to_lowercase()).collect();
        let file = file.trim_start_matches("src/").replace('/', "::");
        let cells = [crates.join(" "), worlds.join(" ")].map(|cell| or_dash(&cell));
        writeln!(table, "| `{file}` also | – | {} |", cells.join(" | ")).expect("a string takes any text");
    }
    let pure = PURE_CRATES.join(", ");
    table + &format!("\nCrates that only compute: {pure}.\n\n")
}

fn or_dash(cell: &str) -> String {
    if cell.is_empty() { "–".to_owned() } else { cell.to_owned() }
}

#[test]
fn a_forbidden_path_is_found_however_it_is_spelt() {
    let crates = BTreeSet::from(["tokio".to_owned(), "clap".to_owned()]);
    for (name, text, wanted) in [
        ("src/ir/a.rs", "use crate::table::Table;", "imports crate::table::Table"),
        ("src/ir/a.rs", "use super::super::{diagnostic::Severity as S, ir};", "imports crate::diagnostic::Severity"),
        ("src/table/a.rs", "fn f() -> crate::compile::X { todo() }", "imports crate::compile::X"),
        ("src/table/a.rs", "mod inner { use super::super::super::tls::T; }", "imports crate::tls::T"),
        ("src/compile/a.rs", "use tokio::sync::mpsc;", "uses the crate tokio by tokio::sync::mpsc"),
        ("src/compile/a.rs", "#[derive(clap::Parser)] struct S;", "uses the crate clap by clap::Parser"),
        (
            "src/compile/a.rs",
            "use std::time::{self, Duration};\nfn f() { time::Instant::now(); }",
            "touches Clock by std::time::Instant::now",
        ),
        ("src/request/a.rs", "use std::{fs, io};", "touches Files by std::fs"),
        ("src/snapshot/mod.rs", "fn f() { let _ = std::env::var(\"X\"); }", "touches Environment by std::env::var"),
        ("src/tls/a.rs", "fn f(at: Instant) { at.elapsed(); }", "reads the clock"),
        ("src/shed.rs", "fn f() {}", "no floor is called shed"),
    ] {
        let file = File { name: name.to_owned(), text: text.to_owned() };
        let found = faults(&file, &crates);
        assert!(found.iter().any(|fault| fault.ends_with(wanted)), "{text}: {found:?} lacks «{wanted}»");
    }
}

#[test]
fn what_the_table_allows_passes() {
    let crates = BTreeSet::from(["tokio".to_owned(), "serde_saphyr".to_owned(), "h2".to_owned()]);
    for (name, text) in [
        (
            "src/table/a.rs",
            "use crate::ir::Config; use super::b; // use tokio::net;\n/* use std::fs; */ const S: &str = \"std::fs::read\";",
        ),
        ("src/table/a.rs", "#[cfg(test)]\nmod tests { use std::fs; use tokio::time; }"),
        ("src/snapshot/manifest.rs", "use std::fs; use serde_saphyr::Options;"),
        (
            "src/proxy/mod.rs",
            "pub mod h2; use tokio::time::Instant; fn f<'a>(c: char) -> &'a str { h2::x(c == '\\'') }",
        ),
        ("src/request/a.rs", "use std::time::Duration; fn f() -> std::net::SocketAddr { g() }"),
    ] {
        let file = File { name: name.to_owned(), text: text.to_owned() };
        assert_none(text, &faults(&file, &crates));
    }
}

#[test]
fn test_modules_in_other_files_are_known() {
    let text = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\n#[path = \"a_tests.rs\"]\nmod more;\nmod real;";
    let file = File { name: "src/proxy/a.rs".to_owned(), text: text.to_owned() };
    assert_eq!(test_files(&[file]), ["src/proxy/a/tests", "src/proxy/a_tests"]);
}
