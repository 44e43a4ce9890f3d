//! Volumes in a real browser: kept, put back, removed and brought back, with word of what is lost.

use super::{Browser, Server, api, apply_elsewhere, enter, with_browser};

/// A snapshot is taken, backed up and proved; the volume goes back to both, is removed and brought back.
pub async fn volumes_are_kept_put_back_and_brought_back(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        let undo = "{ value: '3600' }";
        api(page, "PUT", "../../settings/volume.undo.seconds", undo).await;
        apply_elsewhere(page, "busy").await;
        page.press("Volumes").await;
        page.until_at("[data-volume=busy_data] .badge", "active").await;
        page.until_at("[data-volume=busy_data]", "used by busy-db-1").await;
        page.press("New target").await;
        page.fill("name", "disk").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-target=disk]", "a folder of the server · empty").await;

        page.press("busy_data").await;
        page.press("Snapshot of busy_data").await;
        page.until_at("dialog", "What uses it (busy-db-1) meanwhile").await;
        page.fill("name", "before").await;
        page.press_at("dialog [value=pause]").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-volume=busy_data]", "1 snapshot").await;
        page.press("Back up before").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-backup=before]", "proved").await;
        page.until_at("[data-target=disk]", "1 backup").await;
        page.until_at("[data-volume=busy_data]", "Nothing can be put back while busy-db-1").await;
        going_back(page).await;
        removal(page).await;
    })
    .await;
}

/// What a container that runs would notice is offered once there is none.
async fn going_back(page: &Browser) {
    act_elsewhere(page, "services?name=db", "deactivate", "{}").await;
    for (press, process) in
        [("Go back to before", "reverttosnapshot"), ("Put before back", "restorefrombackup")]
    {
        page.press(press).await;
        page.until_at("dialog .lost", "Everything that is in busy_data now is replaced").await;
        page.press_at("dialog [data-confirm]").await;
        until_done(page, &format!("volume.{process}")).await;
    }
}

async fn removal(page: &Browser) {
    act_elsewhere(page, "stacks?name=busy", "remove", "{ volumes: false }").await;
    page.until_at("[data-volume=busy_data] .badge", "detached").await;
    page.press("Remove busy_data").await;
    page.until_at("dialog .kept", "kept for 60 min; until then it can be brought back").await;
    page.until_at("dialog .lost", "Its 1 snapshot goes with it").await;
    page.until_at("dialog .kept", "Its 1 backup stays").await;
    page.press_at("dialog [data-confirm]").await;
    page.until_at("[data-removed=busy_data]", "gone for good in").await;
    page.until_at("[data-section=lost]", "before").await;
    page.press("Bring busy_data back").await;
    page.until_at("[data-volume=busy_data] .badge", "detached").await;
    page.until_at("[data-volume=busy_data]", "1 backup").await;
    page.until("it is not removed any more", "!document.querySelector('[data-removed]')").await;
}

/// An end that the page did not hear of is seen in the next listing. The page is made deaf to it by its
/// parser of messages; what another stack's containers do makes it list again.
pub async fn a_removal_that_was_not_heard_is_noticed(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        api(page, "PUT", "../../settings/volume.undo.seconds", "{ value: '3600' }").await;
        apply_elsewhere(page, "busy").await;
        page.press("Volumes").await;
        page.until_at("[data-volume=busy_data] .badge", "active").await;
        act_elsewhere(page, "stacks?name=busy", "remove", "{ volumes: false }").await;
        page.until_at("[data-volume=busy_data] .badge", "detached").await;
        let deaf = "(JSON.parse = new Proxy(JSON.parse, { apply(parse, self, [text, ...more]) {
            if (text.includes('resource.change') && text.includes('busy_data')) throw new Error('not heard');
            return parse.call(self, text, ...more);
        } }), 0)";
        page.value(deaf).await;
        act_elsewhere(page, "volumes?name=busy_data", "remove", "{}").await;
        apply_elsewhere(page, "talk").await;
        page.until_at("[data-removed=busy_data]", "gone for good in").await;
    })
    .await;
}

/// A bucket that cannot be reached: the backup fails, and what the page says is why.
pub async fn a_backup_that_fails_says_why(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        // Nothing of this machine is called unless an administrator allows it.
        api(page, "PUT", "../../settings/outbound.allow", "{ value: '127.0.0.1' }").await;
        apply_elsewhere(page, "busy").await;
        page.press("Volumes").await;
        page.press("New target").await;
        page.fill("name", "far").await;
        page.press_at("dialog [value=bucket]").await;
        page.fill("endpoint", "ftp://127.0.0.1:1").await;
        page.fill("bucket", "ranch").await;
        page.fill("accessKey", "somebody").await;
        page.fill("secretKey", "hush").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("dialog .field-error", "it has to begin with `https://`").await;
        page.fill("endpoint", "http://127.0.0.1:1").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-target=far]", "bucket ranch at http://127.0.0.1:1 · empty").await;
        page.press("busy_data").await;
        page.press("Snapshot of busy_data").await;
        page.fill("name", "one").await;
        page.press_at("dialog [data-confirm]").await;
        page.press("Back up one").await;
        page.press_at("dialog [data-confirm]").await;
        let words = "the server at http://127.0.0.1:1 cannot be reached";
        page.until_says(words).await;
    })
    .await;
}

/// Runs an action of the one resource that a listing finds, past the page's own code.
async fn act_elsewhere(page: &Browser, listing: &str, action: &str, input: &str) {
    let found = api(page, "GET", listing, "undefined").await;
    let resource = &found["data"][0];
    let word = |field: &str| resource[field].as_str().unwrap_or_default().to_owned();
    let path = format!("{}s/{}?action={action}", word("type"), word("id"));
    let answer = api(page, "POST", &path, input).await;
    assert!(answer["id"].is_string(), "{path}: {answer}");
}

/// Waits until a process that was started once has gone well.
async fn until_done(page: &Browser, process: &str) {
    let look = format!(
        "(window.asked = fetch('/v2-beta/processinstances?processName={process}', {{ headers: {{ Accept: 'application/json' }} }})
            .then((answer) => answer.json())
            .then((found) => {{ window.outcome = found.data.map((one) => one.result).join(); }}),
          window.outcome === 'SUCCESS')"
    );
    page.value("(window.outcome = '', 0)").await;
    page.until(&format!("{process} goes well"), &look).await;
}
