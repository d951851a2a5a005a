//! The key-value store.

use crate::{Outcome, Parameters};
use igloo::{Home, Json, json};

pub(crate) async fn case(name: &str, p: &Parameters, home: &Home) -> Outcome {
    let store = home.store();
    Ok(match name {
        "store-set" => refusal(store.set(&p.key, p.text.as_str()).await),
        "store-get" => json!(store.get(&p.key).await?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())),
        "store-delete" => refusal(store.delete(&p.key).await),
        "store-keys" => json!(store.keys(&p.key).await?),
        // In steps of 64 KiB, so that the sum is near the quota when one is refused.
        "store-fill" => {
            for n in 0..p.count {
                if let Err(error) = store.set(&format!("fill/{n}"), vec![7; 64 << 10]).await {
                    return Ok(json!({ "stored": n, "refused": format!("{error:?}") }));
                }
            }
            json!({ "stored": p.count, "refused": null })
        }
        _ => return Err(igloo::Error::new(format_args!("no such case: {name}"))),
    })
}

fn refusal(result: Result<(), igloo::StoreError>) -> Json {
    json!(result.err().map(|error| format!("{error:?}")))
}
