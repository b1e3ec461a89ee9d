//! The control plane: etcd, the API server and, where a test needs it, the controller manager.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::Signal;

use super::binaries::Binaries;
use super::credentials::{ADMIN, Credentials};
use super::process::Process;
use super::sandbox::Sandbox;

/// Controllers that tests rely on: what makes EndpointSlices, empties namespaces and runs Deployments.
const CONTROLLERS: &str = "deployment-controller,replicaset-controller,endpointslice-controller,\
    endpointslice-mirroring-controller,namespace-controller,garbage-collector-controller,\
    serviceaccount-controller,root-ca-certificate-publisher-controller";

/// What is written down of requests: that they were made, unless the administrator or the server itself made them.
const AUDIT: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, userGroups: [\"system:masters\"]}
- {level: Metadata}
";

/// A control plane in a sandbox. Everything in it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Plane {
    binaries: &'static Binaries,
    // Ended in this order, before the sandbox.
    controllers: Mutex<Option<Process>>,
    apiserver: Mutex<Option<Process>>,
    etcd: Mutex<Option<Process>>,
    users: AtomicUsize,
    pub(super) credentials: Credentials,
    pub(super) sandbox: Sandbox,
}

impl Plane {
    /// Starts etcd and the API server, and does not wait for them.
    pub(super) fn start(binaries: &'static Binaries) -> Arc<Self> {
        let sandbox = Sandbox::new();
        let credentials = Credentials::write(&sandbox);
        sandbox.write("audit.yaml", AUDIT);
        let plane = Self {
            binaries,
            controllers: Mutex::default(),
            apiserver: Mutex::default(),
            etcd: Mutex::default(),
            users: AtomicUsize::new(0),
            credentials,
            sandbox,
        };
        plane.start_etcd();
        plane.start_apiserver();
        Arc::new(plane)
    }

    /// The number of a user that nobody has been given yet.
    pub(super) fn next_user(&self) -> usize {
        self.users.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn binaries(&self) -> &'static Binaries {
        self.binaries
    }

    /// Starts etcd on the data it had before.
    pub(crate) fn start_etcd(&self) {
        let mut command = self.sandbox.command(&self.binaries.path("etcd"));
        command
            .arg("--data-dir=/dev/shm/etcd")
            .args(["--unsafe-no-fsync", "--log-level=warn"])
            .args(["--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379"])
            .args(["--listen-peer-urls=http://127.0.0.1:2380", "--initial-advertise-peer-urls=http://127.0.0.1:2380"])
            .args(["--name=test", "--initial-cluster=test=http://127.0.0.1:2380"]);
        *lock(&self.etcd) = Some(Process::start("etcd", command));
    }

    /// Starts the API server, and does not wait for it.
    pub(crate) fn start_apiserver(&self) {
        let mut command = self.sandbox.command(&self.binaries.path("kube-apiserver"));
        command
            .args(["--etcd-servers=http://127.0.0.1:2379", "--bind-address=127.0.0.1", "--secure-port=6443"])
            // A network without a default route has no address to find.
            .args(["--advertise-address=10.255.0.1", "--endpoint-reconciler-type=none"])
            .arg("--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112")
            .args(["--tls-cert-file=/dev/shm/apiserver.crt", "--tls-private-key-file=/dev/shm/apiserver.key"])
            .arg("--service-account-issuer=https://kubernetes.default.svc")
            .arg("--service-account-key-file=/dev/shm/accounts.crt")
            .arg("--service-account-signing-key-file=/dev/shm/accounts.key")
            .args(["--token-auth-file=/dev/shm/tokens.csv", "--authorization-mode=RBAC"])
            .args(["--disable-admission-plugins=ServiceAccount", "--allow-privileged=true"])
            .args(["--audit-policy-file=/dev/shm/audit.yaml", "--audit-log-path=/dev/shm/audit.log"])
            .args(["--enable-priority-and-fairness=false", "--cert-dir=/dev/shm/apiserver"]);
        *lock(&self.apiserver) = Some(Process::start("kube-apiserver", command));
    }

    /// Starts the controllers, unless they run.
    pub(super) fn start_controllers(&self) {
        let mut running = lock(&self.controllers);
        if running.is_some() {
            return;
        }
        let kubeconfig = self.sandbox.write("controllers.yaml", &self.credentials.kubeconfig(ADMIN).to_string());
        let mut command = self.sandbox.command(&self.binaries.path("kube-controller-manager"));
        command
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .arg(format!("--controllers={CONTROLLERS}"))
            .args(["--leader-elect=false", "--secure-port=0"]);
        *running = Some(Process::start("kube-controller-manager", command));
    }

    /// Kills the API server: connections break, and nothing listens.
    pub(crate) fn kill_apiserver(&self) {
        *lock(&self.apiserver) = None;
    }

    /// Kills etcd: the API server answers errors.
    pub(crate) fn kill_etcd(&self) {
        *lock(&self.etcd) = None;
    }

    /// Stops the API server in its tracks: connections stay, and nothing is answered.
    pub(crate) fn freeze_apiserver(&self) {
        Self::signal(&self.apiserver, Signal::STOP);
    }

    /// Lets the API server go on.
    pub(crate) fn thaw_apiserver(&self) {
        Self::signal(&self.apiserver, Signal::CONT);
    }

    /// Panics if etcd or the API server has ended by itself.
    pub(super) fn assert_running(&self) {
        for process in [&self.etcd, &self.apiserver] {
            if let Some(process) = lock(process).as_mut() {
                assert!(process.is_running(), "it has ended: {process:?}");
            }
        }
    }

    fn signal(process: &Mutex<Option<Process>>, signal: Signal) {
        lock(process).as_ref().expect("the process was started").signal(signal);
    }
}

fn lock(process: &Mutex<Option<Process>>) -> MutexGuard<'_, Option<Process>> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}
