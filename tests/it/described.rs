//! The OpenAPI documents are valid and true: schemathesis asks what they describe and compares the answers.
//! What is asked and expected is in `tests/client/openapi_test.py`.

use crate::cattle_client::Site;

/// Requests made of each operation in `make test`; `make schemathesis` makes more.
const EXAMPLES: &str = "2";
const SEED: &str = "1";

async fn check(version: &str) {
    let site = Site::start().await;
    let key = |name: &str| site.access[name].as_str().expect(name);
    let given = |name: &str, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    let examples = given("RANCHETTE_TEST_EXAMPLES", EXAMPLES);
    let seed = given("RANCHETTE_TEST_SEED", SEED);
    let more = [("VERSION", version), ("EXAMPLES", &examples), ("SEED", &seed)];
    let script = "tests/client/openapi_test.py";
    site.run(script, key("accessKey"), key("secretKey"), &more).await;
    site.server.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_what_the_document_of_v2_beta_says() {
    check("v2-beta").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_what_the_document_of_v1_says() {
    check("v1").await;
}
