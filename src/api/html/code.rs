//! JSON on a page: indented, coloured, and its URLs are links.

use serde_json::Value;

use super::escape;

/// JSON, indented and coloured; what is a URL of ours is a link.
pub fn write(out: &mut String, value: &Value, depth: usize, origin: &str) {
    match value {
        Value::Null => out.push_str("<i>null</i>"),
        Value::Bool(flag) => out.push_str(&format!("<b>{flag}</b>")),
        Value::Number(number) => out.push_str(&format!("<b>{number}</b>")),
        Value::String(text) if text.starts_with(origin) => {
            let url = escape(text);
            out.push_str(&format!("\"<a href=\"{url}\">{url}</a>\""));
        }
        Value::String(_) => {
            out.push_str(&format!("<span>{}</span>", escape(&value.to_string())));
        }
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(items) if items.is_empty() => out.push_str("{}"),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                line(out, index, depth + 1);
                write(out, item, depth + 1, origin);
            }
            line(out, 0, depth);
            out.push(']');
        }
        Value::Object(items) => {
            out.push('{');
            for (index, (name, item)) in items.iter().enumerate() {
                line(out, index, depth + 1);
                out.push_str(&format!(
                    "<u>{}</u>: ",
                    escape(&Value::from(name.as_str()).to_string())
                ));
                write(out, item, depth + 1, origin);
            }
            line(out, 0, depth);
            out.push('}');
        }
    }
}

fn line(out: &mut String, index: usize, depth: usize) {
    if index > 0 {
        out.push(',');
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_becomes_links_and_nothing_breaks_out() {
        let value =
            serde_json::json!({"a": "http://h/v1/x?a=1&b=2", "b": "<script>\"'", "c": [1, null]});
        let mut out = String::new();
        write(&mut out, &value, 0, "http://h");
        expect_test::expect![[r#"
            {
              <u>&quot;a&quot;</u>: "<a href="http://h/v1/x?a=1&amp;b=2">http://h/v1/x?a=1&amp;b=2</a>",
              <u>&quot;b&quot;</u>: <span>&quot;&lt;script&gt;\&quot;&#39;&quot;</span>,
              <u>&quot;c&quot;</u>: [
                <b>1</b>,
                <i>null</i>
              ]
            }"#]]
        .assert_eq(&out);
    }
}
