//! The API's own pages in a real browser: everything is done with links and forms.

use serde_json::json;

use super::{Server, enter, with_browser};

/// A stack is made, looked for, changed, acted on and removed without a line of script.
pub async fn forms_of_the_api_do_everything(server: &Server) {
    with_browser(async |page| {
        enter(page, server).await;
        let list = format!("{}/v2-beta/projects/1a5/stacks", server.url);
        page.open(&list).await;
        page.until_at("h1", "stack collection").await;
        for name in ["shop", "blog"] {
            page.open(&list).await;
            page.press("Create stack").await;
            page.paste("form[method=post] [name=name]", name).await;
            page.follow("Create").await;
            page.until_at("h1", &format!("stack {name}")).await;
        }

        page.open(&list).await;
        page.until("both", &links(2)).await;
        page.paste("form.filters [name=_value]", "sh%").await;
        page.value("document.querySelector('[name=_field]').value = 'name'").await;
        page.value("document.querySelector('[name=_modifier]').value = 'like'").await;
        page.follow("Show").await;
        page.until("one of them", &links(1)).await;
        page.press_at(".json a[href*='/stacks/1st']").await;
        page.until_at("h1", "stack shop").await;

        page.press("Change").await;
        page.paste("form [name=description]", "<b>new</b>").await;
        page.follow("Save").await;
        page.until_at(".json", "<b>new</b>").await;
        page.follow("deactivateservices").await;
        page.until_at("h1", "stack shop").await;
        page.follow("delete").await;
        page.until_at(".json", "\"remov").await;
        let scripts = page.value("document.scripts.length").await;
        assert_eq!(scripts, json!(0), "a page of the API has no scripts");
    })
    .await;
}

/// Whether a page links to so many stacks of a list.
fn links(count: usize) -> String {
    let own = "[...document.querySelectorAll('.json a')].filter((a) => \
               /\\/stacks\\/1st[0-9]+$/.test(a.href))";
    format!("{own}.length === {count}")
}
