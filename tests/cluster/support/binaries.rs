//! Where the programs of the control plane are, and what is said when they are not there.

#![expect(clippy::disallowed_methods, reason = "the environment says where the programs are")]

use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The folder that a variable named, with what was found in it.
#[derive(Debug)]
pub(crate) struct Binaries {
    folder: PathBuf,
}

/// Variables that name the folder, in order. The second is what controller-runtime's tests read.
const VARIABLES: [&str; 2] = ["LANDFALL_TEST_CLUSTER", "KUBEBUILDER_ASSETS"];

/// Set where the tests must not be passed over.
const REQUIRED: &str = "LANDFALL_REQUIRE_TEST_CLUSTER";

/// What every test needs; `kube-controller-manager` and `kubectl` are needed by some.
const NEEDED: [&str; 2] = ["etcd", "kube-apiserver"];

impl Binaries {
    /// The programs, if a variable names their folder. Panics if the folder lacks one, or if the programs are required
    /// and no variable is set.
    pub(crate) fn find() -> Option<&'static Self> {
        static FOUND: OnceLock<Option<Binaries>> = OnceLock::new();
        FOUND.get_or_init(Self::search).as_ref()
    }

    fn search() -> Option<Self> {
        let named = VARIABLES.iter().find_map(|name| env::var_os(name).filter(|folder| !folder.is_empty()));
        let Some(folder) = named.map(PathBuf::from) else {
            assert!(env::var_os(REQUIRED).is_none(), "{REQUIRED} is set, but {} is not: {HOW}", VARIABLES[0]);
            return None;
        };
        let binaries = Self { folder };
        for name in NEEDED {
            let path = binaries.path(name);
            assert!(path.exists(), "{} is not there: {HOW}", path.display());
        }
        Some(binaries)
    }

    /// Where a program is, if it is there.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        std::path::absolute(self.folder.join(name)).expect("there is a working directory")
    }

    /// Whether a program that only some tests need is there. Panics if it is not, but required.
    pub(crate) fn has(&self, name: &str) -> bool {
        let there = self.path(name).exists();
        assert!(there || env::var_os(REQUIRED).is_none(), "{} is not there: {HOW}", self.path(name).display());
        there
    }
}

const HOW: &str = "build the programs with tests/cluster/build (it needs Go) and run the tests with \
    LANDFALL_TEST_CLUSTER=\"$(tests/cluster/build)\" cargo test --test cluster";

/// Says past the test harness, which shows nothing of a test that succeeds, that the running test tested nothing; the
/// first time also what to do about it.
pub(crate) fn pass_over(why: &str) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let how = if TOLD.swap(true, Ordering::Relaxed) { String::new() } else { format!("\n  {HOW}") };
    let line = format!("PASSED OVER, {why}: {test}{how}\n");
    // Whoever has closed standard error does not want to know.
    let _unheard = std::io::stderr().write_all(line.as_bytes());
}
