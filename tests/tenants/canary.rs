//! What holds keys prints none, however it is printed: what a panic says of a value is what its `Debug` says.

use std::sync::Arc;

use landfall::compile::Compiler;
use landfall::ir::UnixTime;
use landfall::live::{self, Publication};
use landfall::settings::Settings;
use landfall::snapshot::Snapshot;
use landfall::snapshot::manifest::document::Format;
use landfall::snapshot::manifest::parse::parse;
use landfall::testing::certificates::{Encoding, Key, TestCa, Wanted};
use landfall::testing::objects::tls_secret;
use landfall::testing::{Ingress, TestServer, leak};
use landfall::tls::parse_key_pair;
use landfall::tls::server::ServerConfigs;

const KEYS: [(Key, Encoding); 5] = [
    (Key::EcdsaP256, Encoding::Pkcs8),
    (Key::EcdsaP384, Encoding::Sec1),
    (Key::Ed25519, Encoding::Pkcs8),
    (Key::Rsa, Encoding::Pkcs8),
    (Key::Rsa, Encoding::Pkcs1),
];

#[test]
fn no_value_that_holds_a_key_prints_it() {
    let ca = TestCa::new();
    for (key, encoding) in KEYS {
        let pair = ca.issue(&Wanted::for_names(["a.test"]).with_key(key, encoding));
        let ingress = Ingress::named("web").route("a.test", "/", "web").tls("a.test", "cert").build();
        let objects = [ingress, tls_secret("cert", &pair)];
        let contents: Vec<_> =
            objects.iter().map(|object| parse(Format::Json, object.to_string().as_bytes())).collect();
        let mut printed = vec![format!("{contents:?}")];
        let snapshot: Snapshot =
            contents.into_iter().flat_map(|contents| contents.objects).map(|placed| placed.object).collect();
        let mut passes = Compiler::new(&Settings::for_manifests("canary"));
        let compiled = passes.update(&snapshot, UnixTime(1_800_000_000));
        printed.push(format!("{snapshot:?}{passes:?}{compiled:?}"));
        let (mut publisher, reader) = live::channel();
        publisher.publish(Publication {
            config: compiled.config,
            table: compiled.table,
            certificates: Arc::clone(&compiled.certificates),
            endpoints: Arc::default(),
        });
        let certificate = compiled.certificates.resolve(Some("a.test")).unwrap();
        let configs = ServerConfigs::new(Arc::new(rustls::server::ResolvesServerCertUsingSni::new()));
        printed.push(format!("{publisher:?}{reader:?}{:?}{certificate:?}{configs:?}", reader.current()));
        printed.push(format!("{:?}{pair:?}", certificate.certified_key()));
        printed.push(format!("{:?}", TestServer::start(1, objects)));
        assert_eq!(leak::of_key(&pair, printed.concat().as_bytes()), None, "{key:?} in {encoding:?}");
    }
}

#[test]
fn no_complaint_about_a_key_repeats_it() {
    let pair = TestCa::new().issue_for(["a.test"]);
    let (certificate, key) = (&pair.certificate_pem, &pair.key_pem);
    let damaged = key.replace("-----END", "!-----END");
    let cut: String = key.chars().take(key.len() / 2).collect();
    let renamed = key.replace("PRIVATE KEY", "RSA PRIVATE KEY");
    let twice = format!("{key}{key}");
    for (certificate, key) in [
        (certificate.as_str(), damaged.as_str()),
        (certificate, &cut),
        (certificate, &renamed),
        (key, certificate),
        (key, key),
        (&twice, certificate),
        ("", key),
    ] {
        if let Err(error) = parse_key_pair(certificate.as_bytes(), key.as_bytes()) {
            assert_eq!(leak::of_key(&pair, format!("{error} {error:?}").as_bytes()), None);
        }
    }
}
