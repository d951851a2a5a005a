//! What went wrong, as a guest is told it.

use rustls::{CertificateError, Error, InvalidMessage};

use super::verify::SelfSigned;
use crate::component::bindings::igloo::tls::types::{CertificateProblem, ErrorCode};

/// What rustls says. Its texts are for people; what programs tell apart has a name.
pub(super) fn code(error: &Error) -> ErrorCode {
    match error {
        Error::InvalidCertificate(why) => ErrorCode::Certificate(problem(why)),
        Error::NoCertificatesPresented => ErrorCode::Certificate(CertificateProblem {
            reason: String::from("missing"),
            text: String::from("the peer showed no certificate"),
        }),
        Error::AlertReceived(alert) => ErrorCode::Alert(u8::from(*alert)),
        // The first bytes of what does not begin as a record does.
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            ErrorCode::NotTls
        }
        Error::PeerIncompatible(_) | Error::NoApplicationProtocol => ErrorCode::Handshake(error.to_string()),
        Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::InvalidMessage(_)
        | Error::DecryptError
        | Error::PeerSentOversizedRecord
        | Error::PeerMisbehaved(_) => ErrorCode::Protocol(error.to_string()),
        _ => ErrorCode::Other((String::from("tls"), error.to_string())),
    }
}

fn problem(why: &CertificateError) -> CertificateProblem {
    let reason = match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "not-yet-valid",
        CertificateError::UnknownIssuer => "unknown-issuer",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => "hostname-mismatch",
        CertificateError::BadSignature => "bad-signature",
        CertificateError::BadEncoding => "bad-encoding",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => "wrong-purpose",
        CertificateError::Revoked => "revoked",
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => "unsupported-algorithm",
        CertificateError::Other(other) => match other.0.downcast_ref() {
            Some(SelfSigned::Itself) => "self-signed",
            Some(SelfSigned::InChain) => "self-signed-in-chain",
            None => "unusable",
        },
        _ => "unusable",
    };
    // rustls shows what it does not know as a program would see it.
    let text = if let CertificateError::Other(other) = why { other.0.to_string() } else { why.to_string() };
    CertificateProblem { reason: reason.to_owned(), text }
}
