//! TLS to PostgreSQL, asked for in a URL as libpq spells it.
//!
//! The driver encrypts or does not; whom to believe is decided here, by `sslmode`, `sslrootcert`,
//! `sslcert` and `sslkey`, which mean what they mean to `psql` and have its defaults.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use postgres::config::SslMode;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::Error;

/// What a URL says of TLS.
#[derive(Debug)]
pub(super) struct Tls {
    mode: Mode,
    root: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

/// How much is asked of a server, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Tls {
    /// What a URL says of TLS, and the URL without it.
    pub(super) fn of(url: &str) -> Result<(Tls, String), Error> {
        let (rest, query) = url.split_once('?').unwrap_or((url, ""));
        let mut mode = None;
        let mut tls = Tls { mode: Mode::Prefer, root: None, certificate: None, key: None };
        let mut others = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            match name {
                "sslmode" => mode = Some(Mode::parse(&value)?),
                "sslrootcert" => tls.root = Some(value),
                "sslcert" => tls.certificate = Some(value),
                "sslkey" => tls.key = Some(value),
                _ => others.push(parameter),
            }
        }
        // The roots of a whole system vouch for too many names to let any of them pass.
        let full = tls.root.as_deref() == Some(SYSTEM);
        if full && mode.is_some_and(|mode| mode < Mode::VerifyFull) {
            return Err(wrong(format!("sslrootcert={SYSTEM} needs sslmode=verify-full")));
        }
        tls.mode = mode.unwrap_or(if full { Mode::VerifyFull } else { Mode::Prefer });
        let query =
            if others.is_empty() { String::new() } else { format!("?{}", others.join("&")) };
        Ok((tls, format!("{rest}{query}")))
    }

    /// What the driver is told.
    pub(super) fn mode(&self) -> SslMode {
        match self.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        }
    }

    /// What makes connections as it is said.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, Error> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier {
            known: self.known(&provider)?,
            names: self.mode == Mode::VerifyFull,
            provider: provider.clone(),
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match self.own()? {
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| wrong(format!("sslcert and sslkey: {error}")))?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(MakeRustlsConnect::new(config))
    }

    /// Whose servers are believed; anybody's when nothing says.
    fn known(&self, provider: &Arc<CryptoProvider>) -> Result<Option<Known>, Error> {
        let certificates = match self.root.as_deref() {
            Some(SYSTEM) => rustls_native_certs::load_native_certs().certs,
            Some(path) => certificates("sslrootcert", Path::new(path))?,
            None => match home("root.crt").filter(|path| path.exists()) {
                Some(path) if self.mode >= Mode::Require => certificates("sslrootcert", &path)?,
                _ if self.mode <= Mode::Require => return Ok(None),
                _ => return Err(wrong("sslmode=verify-… needs sslrootcert=FILE".to_owned())),
            },
        };
        if self.mode < Mode::Require {
            return Ok(None);
        }
        let mut roots = RootCertStore::empty();
        if self.root.as_deref() == Some(SYSTEM) {
            roots.add_parsable_certificates(certificates.iter().cloned());
        } else {
            for certificate in &certificates {
                let added = roots.add(certificate.clone());
                added.map_err(|error| wrong(format!("sslrootcert: {error}")))?;
            }
        }
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let chains = chains.build().map_err(|error| wrong(format!("sslrootcert: {error}")))?;
        Ok(Some(Known { chains, certificates }))
    }

    /// What a server is shown, if it is asked for.
    fn own(&self) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, Error> {
        let (chain, key) = match (&self.certificate, &self.key) {
            (None, None) => return Ok(None),
            (Some(chain), Some(key)) => (chain, key),
            _ => return Err(wrong("sslcert and sslkey go together".to_owned())),
        };
        let chain = certificates("sslcert", Path::new(chain))?;
        let key = PrivateKeyDer::from_pem_file(key)
            .map_err(|error| wrong(format!("sslkey {key}: {error}")))?;
        Ok(Some((chain, key)))
    }
}

impl Mode {
    fn parse(text: &str) -> Result<Mode, Error> {
        Ok(match text {
            "disable" => Mode::Disable,
            // Encrypted where the server does that, which is as good as only where it insists.
            "allow" | "prefer" => Mode::Prefer,
            "require" => Mode::Require,
            "verify-ca" => Mode::VerifyCa,
            "verify-full" => Mode::VerifyFull,
            _ => {
                let known = "disable, allow, prefer, require, verify-ca, verify-full";
                return Err(wrong(format!("sslmode={text} is none of {known}")));
            }
        })
    }
}

/// The certificates in a PEM file, of which there must be one.
fn certificates(what: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let wrong = |why: String| wrong(format!("{what} {}: {why}", path.display()));
    // Its own error does not say which file, nor simply why.
    let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() {
        Err(wrong("there is no certificate in it".to_owned()))
    } else {
        Ok(found)
    }
}

/// Where libpq looks for a file that nothing names.
fn home(name: &str) -> Option<PathBuf> {
    Some(std::env::home_dir()?.join(".postgresql").join(name))
}

fn wrong(why: String) -> Error {
    Error::Tls { why }
}

/// Believes a server, or does not.
#[derive(Debug)]
struct Verifier {
    known: Option<Known>,
    /// The name in the certificate must be that in the URL.
    names: bool,
    provider: Arc<CryptoProvider>,
}

/// Whose servers are believed.
#[derive(Debug)]
struct Known {
    chains: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(known) = &self.known else { return Ok(ServerCertVerified::assertion()) };
        match known.chains.verify_server_cert(server, between, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.names => Ok(ServerCertVerified::assertion()),
            // A server's own certificate that vouches for itself: it is in the file, and its time
            // has been looked at.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_)))
                if known.certificates.iter().any(|certificate| certificate == server) =>
            {
                if self.names {
                    verify_server_name(&ParsedCertificate::try_from(server)?, name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        server: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match &self.known {
            Some(known) => known.chains.verify_tls12_signature(message, server, signed),
            // Whoever may be anybody needs no certificate that is sound.
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        server: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match &self.known {
            Some(known) => known.chains.verify_tls13_signature(message, server, signed),
            None => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// What `sslrootcert` is for all that this machine believes.
const SYSTEM: &str = "system";

/// What the encrypted bytes are, for servers from version 17 on.
const PROTOCOL: &[u8] = b"postgresql";
