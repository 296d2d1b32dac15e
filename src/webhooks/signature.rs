//! A plain signature: an HMAC of the body in one header, for vendors who do not publish how they sign.

use std::fmt::Write as _;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac};
use http::HeaderName;
use sha2::{Sha256, Sha512};

/// How a body is signed: `HEADER[:ALGORITHM[:ENCODING]]`, such as `X-Signature:sha512:base64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// In lower case.
    pub header: &'static str,
    pub algorithm: Algorithm,
    pub encoding: Encoding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Sha256,
    Sha512,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Hex,
    Base64,
}

impl Signature {
    /// SHA-256 in hex: what most vendors do.
    #[must_use]
    pub const fn hex(header: &'static str) -> Self {
        Self { header, algorithm: Algorithm::Sha256, encoding: Encoding::Hex }
    }

    /// The value of the header.
    #[must_use]
    pub fn sign(&self, secret: &[u8], body: &[u8]) -> String {
        let digest = match self.algorithm {
            Algorithm::Sha256 => Hmac::<Sha256>::new_from_slice(secret).map(|mac| digest(mac, body)),
            Algorithm::Sha512 => Hmac::<Sha512>::new_from_slice(secret).map(|mac| digest(mac, body)),
        };
        // HMAC takes keys of any length.
        let digest = digest.unwrap_or_default();
        match self.encoding {
            Encoding::Base64 => STANDARD.encode(digest),
            Encoding::Hex => digest.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            }),
        }
    }
}

fn digest(mut mac: impl Mac, body: &[u8]) -> Vec<u8> {
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

impl FromStr for Signature {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let header = HeaderName::from_str(parts.next().unwrap_or_default().trim()).map_err(|_| {
            format!("{text:?} does not begin with the name of a header, as in X-Signature:sha512:base64")
        })?;
        let algorithm = match parts.next().unwrap_or("sha256") {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            other => return Err(format!("{other:?} is no algorithm: sha256 or sha512")),
        };
        let encoding = match parts.next().unwrap_or("hex") {
            "hex" => Encoding::Hex,
            "base64" => Encoding::Base64,
            other => return Err(format!("{other:?} is no encoding: hex or base64")),
        };
        match parts.next() {
            Some(more) => Err(format!("{more:?} is one part too many: HEADER:ALGORITHM:ENCODING")),
            // An option is read once, and lives as long as the process.
            None => Ok(Self { header: String::leak(header.as_str().to_owned()), algorithm, encoding }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn signs_as_the_standard_says() {
        let sign =
            |text: &str| text.parse::<Signature>().expect("a signature").sign(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(sign("X-A"), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_eq!(sign("X-A:sha256:base64"), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
        assert!(sign("X-A:sha512").starts_with("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"));
    }

    #[test]
    fn says_what_is_wrong_with_one() {
        for (wrong, why) in [
            ("", "header"),
            ("a b", "header"),
            ("X:md5", "algorithm"),
            ("X:sha256:x", "encoding"),
            ("X:sha256:hex:y", "too many"),
        ] {
            let said = wrong.parse::<Signature>().expect_err(wrong);
            assert!(said.contains(why), "{wrong}: {said}");
        }
        assert_eq!("X-Sig".parse::<Signature>().map(|signature| signature.header), Ok("x-sig"));
    }
}
