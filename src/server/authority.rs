//! A certificate authority of our own, for clients that insist on a vendor's host and on a good certificate.
//!
//! Its key is made on first use and never leaves its folder. Certificates for hosts are made in memory and not kept.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::time::{Cadence, Timestamp};

/// The certificate that clients trust.
pub const CERTIFICATE: &str = "ca.pem";
/// The key, in mode 0600.
const KEY: &str = "ca.key";
const NAME: &str = "Leapday sandbox CA";
/// From when to when it is good. Two that are made of one key differ in nothing that clients look at.
const YEARS: (i32, i32) = (2024, 2054);
/// How long a certificate for hosts is good: browsers and systems take no longer ones.
const LEAF_DAYS: u32 = 396;

/// A certificate authority, read from its folder.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    /// The one in a folder, made there if there is none. Two processes that start at once end up with the same key.
    ///
    /// # Errors
    /// One line: which file, and what is wrong with it.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let file = folder.join(KEY);
        let said = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = match std::fs::read_to_string(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_key(folder, &file).map_err(|error| said(&error))?
            }
            read => read.map_err(|error| said(&error))?,
        };
        let broken = |error: rcgen::Error| {
            format!(
                "{} is no key of a certificate authority ({error}): remove it to have another one made",
                file.display()
            )
        };
        let key = KeyPair::from_pem(&text).map_err(broken)?;
        let params = params();
        let certificate = params.self_signed(&key).map_err(broken)?;
        let place = folder.join(CERTIFICATE);
        if !place.exists() {
            publish(&place, &certificate.pem()).map_err(|error| format!("{}: {error}", place.display()))?;
        }
        let certificate = certificate.der().clone();
        Ok(Self { issuer: Issuer::new(params, key), certificate })
    }

    /// A certificate for some hosts with its chain, and its key.
    ///
    /// # Errors
    /// If a host is none that a certificate can name.
    pub fn issue(
        &self,
        hosts: Vec<String>,
        now: Timestamp,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
        let failed = |error: rcgen::Error| format!("no certificate could be made: {error}");
        let day = |at: Timestamp| {
            let date = at.civil().date();
            date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
        };
        let mut params = CertificateParams::new(hosts).map_err(failed)?;
        params.distinguished_name = name("Leapday sandbox");
        params.not_before = day(Cadence::days(1).after(now, -1).unwrap_or(now));
        params.not_after = day(Cadence::days(LEAF_DAYS).after(now, 1).unwrap_or(now));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let leaf = params.signed_by(&key, &self.issuer).map_err(failed)?;
        let chain = vec![leaf.der().clone(), self.certificate.clone()];
        Ok((chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into()))
    }
}

fn name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(NAME);
    params.not_before = date_time_ymd(YEARS.0, 1, 1);
    params.not_after = date_time_ymd(YEARS.1, 1, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Makes a key and puts it into its place, unless somebody else was faster: theirs counts then.
fn make_key(folder: &Path, file: &Path) -> std::io::Result<String> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let pem = KeyPair::generate().map_err(std::io::Error::other)?.serialize_pem();
    let beside = beside(file);
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?.write_all(pem.as_bytes())?;
    let linked = std::fs::hard_link(&beside, file);
    std::fs::remove_file(&beside)?;
    match linked {
        Ok(()) => Ok(pem),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => std::fs::read_to_string(file),
        Err(error) => Err(error),
    }
}

/// Readers see the whole certificate or none.
fn publish(place: &Path, pem: &str) -> std::io::Result<()> {
    let beside = beside(place);
    std::fs::write(&beside, pem)?;
    std::fs::set_permissions(&beside, Permissions::from_mode(0o644))?;
    std::fs::rename(&beside, place)
}

fn beside(file: &Path) -> PathBuf {
    file.with_extension(format!("{}.{:?}.tmp", std::process::id(), std::thread::current().id()))
}

/// Where the authority is kept unless somebody says otherwise.
#[must_use]
pub fn default_folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")));
    data.unwrap_or_else(|| PathBuf::from(".")).join("leapday")
}
