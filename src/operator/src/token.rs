//! Tokens of Jobs: each is good for reporting on one object, and for nothing else.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The kinds whose Jobs report, as they stand in paths and tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum JobKind {
    /// A TrainingRun's trainer.
    TrainingRuns,
    /// An Evaluation's evaluator.
    Evaluations,
}

/// One object, as a token names it. A new object of the same name has another uid, and needs another token.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its kind.
    pub kind: JobKind,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its uid.
    pub uid: &'a str,
}

impl Subject<'_> {
    /// The token: hex(HMAC-SHA256(service token, "kind/namespace/name/uid")).
    pub fn token(&self, service_token: &str) -> String {
        hex::encode(self.mac(service_token).finalize().into_bytes())
    }

    /// Whether `token` is the one for this object. Takes the same time for every wrong token.
    pub fn accepts(&self, service_token: &str, token: &str) -> bool {
        hex::decode(token).is_ok_and(|bytes| self.mac(service_token).verify_slice(&bytes).is_ok())
    }

    /// Path on the internal server under which its Job reports.
    pub fn path(&self) -> String {
        format!("/internal/v1/jobs/{}/{}/{}", self.kind, self.namespace, self.name)
    }

    fn mac(&self, service_token: &str) -> Hmac<Sha256> {
        // HMAC takes keys of every length: longer ones are hashed, shorter ones padded (RFC 2104).
        let mut mac =
            Hmac::<Sha256>::new_from_slice(service_token.as_bytes()).unwrap_or_else(|_| Hmac::new(&[0; 64].into()));
        mac.update(format!("{}/{}/{}/{}", self.kind, self.namespace, self.name, self.uid).as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_one_object_and_one_secret() {
        let subject = Subject { kind: JobKind::TrainingRuns, namespace: "ns", name: "run", uid: "1" };
        let token = subject.token("secret");
        assert!(subject.accepts("secret", &token));
        for other in [
            Subject { uid: "2", ..subject },
            Subject { name: "other", ..subject },
            Subject { kind: JobKind::Evaluations, ..subject },
        ] {
            assert!(!other.accepts("secret", &token), "{other:?}");
        }
        assert!(
            !subject.accepts("another", &token) && !subject.accepts("secret", "") && !subject.accepts("secret", "zz")
        );
        assert_eq!(subject.path(), "/internal/v1/jobs/trainingruns/ns/run");
    }
}
