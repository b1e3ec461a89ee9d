//! Who may talk to the API server: an authority, the server's certificate, a token for everybody.

use landfall::testing::certificates::TestCa;
use serde_json::{Value, json};

use super::sandbox::Sandbox;

/// The name and token of who may do everything.
pub(super) const ADMIN: &str = "admin";

/// How many users there are besides, who may do nothing until a role is bound to them.
const USERS: usize = 64;

/// Where the API server listens, in its own network.
pub(super) const SERVER: &str = "https://127.0.0.1:6443";

/// The name of a user that may do nothing at first, and its token.
pub(super) fn user(number: usize) -> String {
    assert!(number < USERS, "there are only {USERS} users");
    format!("user-{number}")
}

/// What the API server needs to know whom it talks to, written into the sandbox.
#[derive(Debug)]
pub(super) struct Credentials {
    authority: String,
}

impl Credentials {
    pub(super) fn write(sandbox: &Sandbox) -> Self {
        let authority = TestCa::new();
        let server = authority.issue_for(["127.0.0.1", "kubernetes.default.svc"]);
        sandbox.write("apiserver.crt", &server.certificate_pem);
        sandbox.write("apiserver.key", &server.key_pem);
        // Any pair will do for signing the tokens of service accounts.
        let accounts = authority.issue_for(["accounts"]);
        sandbox.write("accounts.crt", &accounts.certificate_pem);
        sandbox.write("accounts.key", &accounts.key_pem);
        let users = (0..USERS).map(user).map(|name| [&*name, &*name, &*name].join(",")).collect::<Vec<_>>().join("\n");
        sandbox.write("tokens.csv", &format!("{ADMIN},{ADMIN},{ADMIN},\"system:masters\"\n{users}"));
        Self { authority: authority.root_pem().to_owned() }
    }

    /// The kubeconfig of whoever holds a token.
    pub(super) fn kubeconfig(&self, token: &str) -> Value {
        use base64::Engine as _;
        let authority = base64::engine::general_purpose::STANDARD.encode(&self.authority);
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{ "name": "test", "cluster": {
                "server": SERVER, "certificate-authority-data": authority,
            } }],
            "users": [{ "name": "test", "user": { "token": token } }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
        })
    }
}
