//! Tokens for the API.

use igloo_api::wire::{NewToken, Token, TokenRequest};
use reqwest::Method;

use super::Context;
use crate::{
    cli::Tokens,
    output::{Text, Tone},
    show,
};

/// `igloo tokens …`.
pub(super) async fn tokens(context: &Context, command: Tokens) -> anyhow::Result<()> {
    match command {
        Tokens::List => {
            let tokens: Vec<Token> = context.client.get(&["tokens"], &[]).await?;
            if context.output.json {
                return context.output.json(&tokens);
            }
            let rows = tokens.iter().map(|token| {
                [
                    Text::new(&token.id, Tone::Strong),
                    Text::from(&token.name),
                    Text::from(token.scope.to_string()),
                    Text::new(show::local(&token.created), Tone::Faint),
                ]
            });
            context.output.table(["TOKEN", "NAME", "SCOPE", "MADE"], rows);
        }
        Tokens::Create { name, scope } => {
            let new: NewToken = context.client.call(Method::POST, &["tokens"], &TokenRequest { name, scope }).await?;
            if context.output.json {
                return context.output.json(&new);
            }
            context.output.line(&new.token);
            context.output.note(format!(
                "{} ({}) allows {}. This is the only time that it is shown; `igloo tokens revoke {}` takes it back.",
                new.about.name, new.about.id, new.about.scope, new.about.id
            ));
        }
        Tokens::Revoke { id } => {
            context.client.delete(&["tokens", &id]).await?;
            context.output.note(format!("{id} is no longer valid."));
        }
    }
    Ok(())
}
