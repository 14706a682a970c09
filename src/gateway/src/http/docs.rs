//! `/docs`: the OpenAPI document as a page that needs nothing from elsewhere.

use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa::openapi::OpenApi;

const STYLE: &str = include_str!("page.css");

/// An HTML page that may load nothing.
pub fn html(page: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
    ];
    (headers, page).into_response()
}

/// A whole page around its content.
pub fn frame(title: &str, head: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\">{head}<style>{STYLE}</style></head>\
         <body><nav><b>Genesis</b> <a href=\"/\">status</a> <a href=\"/docs\">API</a> \
         <a href=\"/openapi.json\">openapi.json</a></nav>{content}</body></html>",
        title = escape(title),
    )
}

/// Text that cannot become markup.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// The page of a document.
pub fn page(document: &OpenApi) -> String {
    let document = serde_json::to_value(document).unwrap_or_default();
    let mut content = String::from("<h1>API</h1>");
    for tag in document["tags"].as_array().into_iter().flatten() {
        let name = text(&tag["name"]);
        content.push_str(&format!(
            "<h2 id=\"{0}\">{0}</h2><p>{1}</p>",
            escape(name),
            escape(text(&tag["description"]))
        ));
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                if operation["tags"][0].as_str() == Some(name) {
                    content.push_str(&operation_html(&document, path, method, operation));
                }
            }
        }
    }
    frame("Genesis API", "", &content)
}

fn operation_html(document: &Value, path: &str, method: &str, operation: &Value) -> String {
    let mut html = format!(
        "<details><summary><code class=\"method\">{}</code> <code>{}</code> {}</summary><p>{}</p>",
        escape(&method.to_uppercase()),
        escape(path),
        escape(text(&operation["summary"])),
        escape(text(&operation["description"])),
    );
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(|parameter| {
        (
            format!("{} ({})", text(&parameter["name"]), text(&parameter["in"])),
            text(&parameter["description"]).to_owned(),
        )
    });
    html.push_str(&table("Parameters", parameters));
    let body = &operation["requestBody"]["content"]["application/json"];
    html.push_str(&table("Body", fields(document, &body["schema"])));
    if !body["example"].is_null() {
        html.push_str(&format!(
            "<pre>{}</pre>",
            escape(&serde_json::to_string_pretty(&body["example"]).unwrap_or_default())
        ));
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let schema = response["content"].as_object().and_then(|content| content.values().next()).map(|c| &c["schema"]);
        let title = format!("{status}: {}", text(&response["description"]));
        match schema {
            Some(schema) => {
                let rows: Vec<_> = fields(document, schema).collect();
                html.push_str(&format!("<h4>{}</h4>", escape(&title)));
                html.push_str(&table("", rows.into_iter()));
            }
            None => html.push_str(&format!("<h4>{}</h4>", escape(&title))),
        }
    }
    html + "</details>"
}

/// Name and meaning of the fields of a schema, or of the items of a list.
fn fields<'a>(document: &'a Value, schema: &'a Value) -> impl Iterator<Item = (String, String)> + use<'a> {
    let schema = if schema["items"].is_object() { &schema["items"] } else { schema };
    let named = schema["$ref"].as_str().and_then(|reference| document.pointer(reference.trim_start_matches('#')));
    let properties = named.unwrap_or(schema)["properties"].as_object();
    properties.into_iter().flatten().map(|(name, property)| (name.clone(), text(&property["description"]).to_owned()))
}

fn table(title: &str, rows: impl Iterator<Item = (String, String)>) -> String {
    let rows: String = rows
        .map(|(name, meaning)| format!("<tr><td><code>{}</code></td><td>{}</td></tr>", escape(&name), escape(&meaning)))
        .collect();
    match (rows.is_empty(), title.is_empty()) {
        (true, _) => String::new(),
        (false, true) => format!("<table>{rows}</table>"),
        (false, false) => format!("<h4>{title}</h4><table>{rows}</table>"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
