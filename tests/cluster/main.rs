//! Landfall against a real API server: kube-apiserver on etcd, and kube-controller-manager where a test needs it.
//!
//! `tests/cluster/build` builds the programs (it needs Go) and prints the folder they are in, which the variable
//! `LANDFALL_TEST_CLUSTER` names:
//!
//! ```text
//! LANDFALL_TEST_CLUSTER="$(tests/cluster/build)" cargo test --test cluster
//! ```
//!
//! Without it every test says that it is passed over. With `LANDFALL_REQUIRE_TEST_CLUSTER=1` it fails instead. It takes
//! root, of the machine or of a user namespace (`unshare -r cargo test --test cluster`), and `unshare`, `nsenter`,
//! `setpriv` and `ip`: each control plane runs in a network namespace of its own, where every port is free and every
//! address of 10.0.0.0/8 is local. Everything in it ends with the test process, however that ends.
//!
//! A module is a feature. Its tests are plain `#[test]` functions whose body is one call:
//!
//! ```text
//! #[test]
//! fn an_ingress_is_served() {
//!     on_shared_cluster(async |cluster| {
//!         let (namespace, pod) = (cluster.namespace("web").await, cluster.pod("web-1").await);
//!         cluster.apply_all([
//!             class(CLASS, CONTROLLER),
//!             service(&namespace, "web"),
//!             slice(&namespace, "web", "web-1", &[pod.address()]),
//!             ingress(&namespace, "web", "a.test", "/", "web"),
//!         ]).await;
//!         let landfall = Landfall::serve(&cluster, &cluster.admin_user(), &[]).await;
//!         landfall.until_answer("a.test", "/", "web-1").await;
//!     });
//! }
//! ```
//!
//! `on_shared_cluster` is cheap, but others use that control plane at the same time: keep to a namespace of your own,
//! with `--watch-namespace`, and give what belongs to no namespace a name of your own. `on_own_cluster` takes some
//! seconds for a control plane that nobody else sees and that may be killed, frozen and restarted. A user of
//! `Cluster::new_user` may do what `Cluster::grant` says; `Cluster::service_account` is one by the token of a real
//! service account; `Cluster::kubectl` runs kubectl inside.
//!
//! Nothing here waits for a time to pass. What is told of (a line of the log, a watch) is waited for, what is not is
//! asked for until it is so.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod burst;
mod certificates;
mod classes;
mod control_plane;
mod endpoints;
mod events;
mod following;
mod install;
mod load;
mod namespaces;
mod outages;
mod permissions;
#[expect(dead_code, reason = "what a chart says of itself is looked at in tests/manifests")]
#[path = "../manifests/render.rs"]
mod render;
mod reporting;
mod scene;
mod status;
mod support;
