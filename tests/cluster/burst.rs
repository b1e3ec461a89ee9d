//! Many objects at once.

use crate::scene::Scene;
use crate::support::objects::ingress;
use crate::support::on_shared_cluster;

/// Ingresses created at once.
const BURST: usize = 1000;

#[test]
fn a_thousand_ingresses_in_a_burst_are_all_served_and_compiled_together() {
    on_shared_cluster(async |cluster| {
        let scene = Scene::of_one(&cluster).await;
        let landfall = &scene.landfall;
        let load = crate::load::Load::on(landfall.http, "a.test");
        let before = landfall.publications().await;
        let host = |number: usize| format!("burst-{number}.test");
        let objects =
            (0..BURST).map(|number| ingress(&scene.namespace, &format!("burst-{number}"), &host(number), "/", "web"));
        cluster.create_all(objects).await;
        for number in 0..BURST {
            landfall.until_answer(&host(number), "/", "web-1").await;
        }
        let published = landfall.publications().await - before;
        assert!(published < BURST / 4, "{published} generations for {BURST} Ingresses");
        load.end().await.assert_flawless();
    });
}
