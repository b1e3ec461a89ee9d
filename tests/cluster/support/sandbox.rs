//! A network and a folder in memory that nobody else sees, and that are gone with the last process inside.
//!
//! Every address of 10.0.0.0/8 is local there, and some of fd00::/64: an endpoint can listen on an address that the API
//! server accepts for one. Ports are nobody else's either, so they can be fixed.

#![expect(clippy::disallowed_methods, reason = "a network is entered by a file")]

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::process::{Process, mortal};

/// Where the folder in memory is, for those inside. It hides what is there outside.
const FOLDER: &str = "/dev/shm";

const SCRIPT: &str = "set -e
PATH=$PATH:/usr/sbin:/sbin
ip link set lo up
ip route add local 10.0.0.0/8 dev lo
for last in $(seq 1 16); do ip -6 address add fd00::$last/128 dev lo; done
mount -t tmpfs tmpfs /dev/shm
echo ready
exec cat";

/// A network namespace and a mount namespace, held open by a process that ends with this one.
#[derive(Debug)]
pub(crate) struct Sandbox {
    holder: Process,
    next_port: AtomicU16,
    next_pod: AtomicU16,
    next_pod_v6: AtomicU16,
}

impl Sandbox {
    /// Makes one. Panics if the system does not let us: it takes root, of the machine or of a user namespace.
    pub(crate) fn new() -> Self {
        let mut command = mortal("unshare");
        command.args(["--net", "--mount", "--propagation", "private", "sh", "-c", SCRIPT]);
        let holder = Process::start_holder("the network namespace (as root, or within `unshare -r`)", command);
        Self { holder, next_port: AtomicU16::new(20_000), next_pod: AtomicU16::new(1), next_pod_v6: AtomicU16::new(1) }
    }

    /// Moves the calling thread, and those it starts, into the network.
    pub(crate) fn enter(&self) {
        let network = File::open(format!("/proc/{}/ns/net", self.holder.id())).expect("the holder runs");
        let moved = move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network));
        moved.expect("whoever made a network may enter it");
    }

    /// A command that runs inside, and not longer than this process. `program` is an absolute path.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = mortal("nsenter");
        command.args(["--net", "--mount", "--target", &self.holder.id().to_string(), "--"]).arg(program);
        command
    }

    /// Writes a file of the folder in memory and gives its path for those inside.
    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        std::fs::write(self.outside(name), content).expect("memory can be written");
        Self::inside(name)
    }

    /// The path of a file of the folder in memory, for those inside.
    pub(crate) fn inside(name: &str) -> PathBuf {
        Path::new(FOLDER).join(name)
    }

    /// The path of the same file, for those outside.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{FOLDER}/{name}", self.holder.id()))
    }

    /// A port that was not given before, below those that the kernel gives.
    pub(crate) fn port(&self) -> u16 {
        self.next_port.fetch_add(1, Ordering::Relaxed)
    }

    /// An address that was not given before, in 10.1.0.0/16.
    pub(crate) fn pod_v4(&self) -> IpAddr {
        let [high, low] = self.next_pod.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        Ipv4Addr::new(10, 1, high, low).into()
    }

    /// An address that was not given before, in fd00::/64. Panics after the sixteenth: IPv6 has no way to make a whole
    /// network local for those who listen.
    pub(crate) fn pod_v6(&self) -> IpAddr {
        let last = self.next_pod_v6.fetch_add(1, Ordering::Relaxed);
        assert!(last <= 16, "there are only sixteen");
        // The script counts in decimal digits, which IPv6 reads as hexadecimal ones.
        format!("fd00::{last}").parse().expect("an address")
    }
}
