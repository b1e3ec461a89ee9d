//! A test's view of a control plane: talking to the API server as its administrator, and making users.

#![expect(clippy::disallowed_methods, reason = "kubeconfigs are files")]

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, Config};
use serde_json::{Value, json};

use super::binaries::{Binaries, pass_over};
use super::credentials::{self, ADMIN};
use super::log::PATIENCE;
use super::plane::Plane;

/// Runs a test against a control plane that other tests of this process use at the same time. What is not in a
/// namespace of the test's own needs a name of its own. Where there are no binaries, the test is passed over, loudly.
pub(crate) fn on_shared_cluster(test: impl AsyncFnOnce(Cluster) + Send) {
    static SHARED: OnceLock<Arc<Plane>> = OnceLock::new();
    let Some(binaries) = Binaries::find() else { return pass_over("for want of a test cluster") };
    run(Arc::clone(SHARED.get_or_init(|| Plane::start(binaries))), test);
}

/// Runs a test against a control plane of its own, which it may break. As [`on_shared_cluster`] otherwise.
pub(crate) fn on_own_cluster(test: impl AsyncFnOnce(Cluster) + Send) {
    let Some(binaries) = Binaries::find() else { return pass_over("for want of a test cluster") };
    run(Plane::start(binaries), test);
}

/// Runs a test inside the network of a plane: on a thread of its own, for a thread cannot leave a network again.
fn run(plane: Arc<Plane>, test: impl AsyncFnOnce(Cluster) + Send) {
    let inside = move || {
        plane.sandbox.enter();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let cluster = Cluster::of(plane).await;
            cluster.ready().await;
            Box::pin(test(cluster)).await;
        });
    };
    let name = thread::current().name().unwrap_or("test").to_owned();
    let outcome = thread::scope(|scope| {
        thread::Builder::new().name(name).spawn_scoped(scope, inside).expect("a thread can be started").join()
    });
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// A control plane as one test sees it.
#[derive(Clone)]
pub(crate) struct Cluster {
    plane: Arc<Plane>,
    admin: Client,
}

impl Cluster {
    async fn of(plane: Arc<Plane>) -> Self {
        let admin = client(plane.credentials.kubeconfig(ADMIN)).await;
        Self { plane, admin }
    }

    /// The processes, to torment them.
    pub(crate) fn plane(&self) -> &Plane {
        &self.plane
    }

    /// A client that may do everything.
    pub(crate) fn admin(&self) -> Client {
        self.admin.clone()
    }

    /// Returns when the API server says that it is ready.
    pub(crate) async fn ready(&self) {
        let ready = || async {
            self.plane.assert_running();
            self.admin.request_text(get("/readyz")).await.is_ok()
        };
        eventually("the API server is ready", ready).await;
    }

    /// Makes a namespace with a name of its own that begins as given, and gives the name.
    pub(crate) async fn namespace(&self, begin: &str) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{begin}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.apply(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })).await;
        name
    }

    /// Creates an object or changes it to what is given, by server-side apply. Panics if the server refuses it.
    pub(crate) async fn apply(&self, object: Value) -> DynamicObject {
        self.try_apply(&object).await.unwrap_or_else(|error| panic!("{error}: {object}"))
    }

    /// As [`Cluster::apply`], with the server's refusal.
    pub(crate) async fn try_apply(&self, object: &Value) -> kube::Result<DynamicObject> {
        let (api, name) = self.api_of(object);
        api.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(object)).await
    }

    /// Applies objects one after another.
    pub(crate) async fn apply_all(&self, objects: impl IntoIterator<Item = Value>) {
        for object in objects {
            self.apply(object).await;
        }
    }

    /// Creates objects that are not there, many at a time.
    pub(crate) async fn create_all(&self, objects: impl IntoIterator<Item = Value>) {
        use futures_util::{StreamExt as _, stream};
        let creating = stream::iter(objects).map(|object| async move {
            let (api, name) = self.api_of(&object);
            let typed = serde_json::from_value(object).expect("an object has a kind and a name");
            api.create(&PostParams::default(), &typed).await.unwrap_or_else(|error| panic!("{error}: {name}"));
        });
        creating.buffer_unordered(16).collect::<()>().await;
    }

    /// Deletes an object, named as it was applied, and returns when the server has taken the order.
    pub(crate) async fn delete(&self, object: &Value) {
        let (api, name) = self.api_of(object);
        api.delete(&name, &DeleteParams::default()).await.unwrap_or_else(|error| panic!("{error}: {name}"));
    }

    /// The object as the server has it now. Panics if it is not there.
    pub(crate) async fn read(&self, object: &Value) -> Value {
        let (api, name) = self.api_of(object);
        let found = api.get(&name).await.unwrap_or_else(|error| panic!("{error}: {name}"));
        serde_json::to_value(found).expect("an object is JSON")
    }

    /// Merges a change into the status of an object.
    pub(crate) async fn patch_status(&self, object: &Value, status: Value) {
        let (api, name) = self.api_of(object);
        let patch = Patch::Merge(json!({ "status": status }));
        api.patch_status(&name, &PatchParams::default(), &patch).await.unwrap_or_else(|e| panic!("{e}: {name}"));
    }

    /// The resource that an object belongs to, and the object's name.
    pub(crate) fn api_of(&self, object: &Value) -> (Api<DynamicObject>, String) {
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no name or kind: {object}")).to_owned();
        let (version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
        let api = match object["metadata"]["namespace"].as_str() {
            Some(namespace) => Api::namespaced_with(self.admin(), namespace, &resource),
            None => Api::all_with(self.admin(), &resource),
        };
        (api, text(&object["metadata"]["name"]))
    }

    /// A user that may do nothing until [`Cluster::grant`] lets it.
    pub(crate) fn new_user(&self) -> User {
        let name = credentials::user(self.plane.next_user());
        User { kubeconfig: self.kubeconfig(&name, &name), name }
    }

    /// The administrator.
    pub(crate) fn admin_user(&self) -> User {
        User { kubeconfig: self.kubeconfig(ADMIN, ADMIN), name: ADMIN.to_owned() }
    }

    /// A service account that exists, by a token that the API server issues for it.
    pub(crate) async fn service_account(&self, namespace: &str, name: &str) -> User {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let order = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": { "expirationSeconds": 7200 },
        });
        let request = http::Request::post(path).body(order.to_string().into_bytes()).expect("the path is legal");
        let issued: Value = self.admin.request(request).await.expect("the API server issues tokens");
        let token = issued["status"]["token"].as_str().expect("a token is text");
        let user = format!("system:serviceaccount:{namespace}:{name}");
        User { kubeconfig: self.kubeconfig(&format!("{namespace}-{name}"), token), name: user }
    }

    /// Lets a user do what `rules` of a ClusterRole say, and no longer what an earlier call said.
    pub(crate) async fn grant(&self, user: &User, rules: Value) {
        self.apply_all([
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": { "name": user.name }, "rules": rules,
            }),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": { "name": user.name },
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user.name },
                "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user.name }],
            }),
        ])
        .await;
    }

    /// A client with the rights of a user.
    pub(crate) async fn client_of(&self, user: &User) -> Client {
        let text = std::fs::read_to_string(self.plane.sandbox.outside(&user.file_name())).expect("it was written");
        client(serde_json::from_str(&text).expect("it was written as JSON")).await
    }

    fn kubeconfig(&self, name: &str, token: &str) -> PathBuf {
        let content = self.plane.credentials.kubeconfig(token).to_string();
        self.plane.sandbox.write(&format!("{name}.kubeconfig"), &content)
    }

    /// Starts the controllers of kube-controller-manager, unless they run. `false`, and a word to whoever runs the
    /// tests, where there is no such program.
    pub(crate) fn start_controllers(&self) -> bool {
        let there = self.plane.binaries().has("kube-controller-manager");
        if there {
            self.plane.start_controllers();
        } else {
            pass_over("for want of kube-controller-manager");
        }
        there
    }

    /// Runs kubectl as the administrator. `None`, and a word to whoever runs the tests, where there is no such program.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Option<Output> {
        if !self.plane.binaries().has("kubectl") {
            pass_over("for want of kubectl");
            return None;
        }
        let mut command = self.command(&self.plane.binaries().path("kubectl"));
        command.arg("--kubeconfig").arg(self.admin_user().kubeconfig).args(arguments);
        Some(command.output().expect("kubectl runs"))
    }

    /// A command that runs in the sandbox. `program` is an absolute path, and so is every path it is given.
    pub(crate) fn command(&self, program: &std::path::Path) -> Command {
        self.plane.sandbox.command(program)
    }
}

/// Somebody whom the API server knows.
#[derive(Debug, Clone)]
pub(crate) struct User {
    /// As roles are bound to it.
    pub(crate) name: String,
    /// The path of its kubeconfig, for those inside the sandbox.
    pub(crate) kubeconfig: PathBuf,
}

impl User {
    fn file_name(&self) -> String {
        self.kubeconfig.file_name().expect("it is a file").to_string_lossy().into_owned()
    }
}

async fn client(kubeconfig: Value) -> Client {
    let kubeconfig: Kubeconfig = serde_json::from_value(kubeconfig).expect("a kubeconfig");
    // The process has no crypto provider of its own choice until somebody installs one.
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.expect("the kubeconfig is whole")).expect("the kubeconfig can be followed")
}

fn get(path: &str) -> http::Request<Vec<u8>> {
    http::Request::get(path).body(Vec::new()).expect("the path is legal")
}

/// How long to wait before asking again what can only be asked.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks again and again until the answer is yes. For what nobody tells of; what is told of is waited for.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut asked: impl FnMut() -> F) {
    let asking = async {
        while !asked().await {
            tokio::time::sleep(PAUSE).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, asking).await.is_ok(), "in vain: {what}");
}
