use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};

use super::{FIRST_SERVICE, NODE_ADDRESS};

/// Paths of the files a control plane needs to trust itself.
pub(super) struct Certificates {
    pub ca: PathBuf,
    pub ca_key: PathBuf,
    pub server: PathBuf,
    pub server_key: PathBuf,
    pub service_account_key: PathBuf,
    pub service_account_public_key: PathBuf,
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Certificates {
    /// Makes a new authority with one serving certificate for the API server.
    pub fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "genesis-dev");
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let certificate = authority.self_signed(&key)?;
        let ca = write(folder, "ca.crt", &certificate.pem())?;
        let ca_key = write(folder, "ca.key", &key.serialize_pem())?;
        let issuer = Issuer::new(authority, key);

        let names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
        let (server, server_key) =
            sign_server(folder, "server", &issuer, &names, &[Ipv4Addr::LOCALHOST, FIRST_SERVICE, NODE_ADDRESS])?;
        let account_key = KeyPair::generate()?;
        Ok(Self {
            ca,
            ca_key,
            server,
            server_key,
            service_account_key: write(folder, "service-account.key", &account_key.serialize_pem())?,
            service_account_public_key: write(folder, "service-account.pub", &account_key.public_key_pem())?,
            folder: folder.to_owned(),
            issuer,
        })
    }

    /// A certificate and its key for a server of this name and address.
    pub fn server(&self, name: &str, address: Ipv4Addr) -> Result<(PathBuf, PathBuf)> {
        sign_server(&self.folder, name, &self.issuer, &[name], &[address])
    }

    /// A certificate and its key for a client with this user name and group.
    pub fn client(&self, name: &str, user: &str, group: Option<&str>) -> Result<(PathBuf, PathBuf)> {
        let mut client = CertificateParams::new(Vec::new())?;
        client.distinguished_name.push(DnType::CommonName, user);
        if let Some(group) = group {
            client.distinguished_name.push(DnType::OrganizationName, group);
        }
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        sign(&self.folder, name, &self.issuer, &client)
    }

    /// Writes a kubeconfig for a client certificate with this user name and group.
    pub fn kubeconfig(&self, server: &str, name: &str, user: &str, group: Option<&str>) -> Result<PathBuf> {
        let (certificate, key) = self.client(name, user, group)?;
        let config = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "genesis",
            "clusters": [{ "name": "genesis", "cluster": { "server": server, "certificate-authority": self.ca } }],
            "users": [{ "name": name, "user": { "client-certificate": certificate, "client-key": key } }],
            "contexts": [{ "name": "genesis", "context": { "cluster": "genesis", "user": name, "namespace": "default" } }],
        });
        write(&self.folder, &format!("{name}.kubeconfig"), &serde_yaml::to_string(&config)?)
    }
}

fn sign_server(
    folder: &Path,
    name: &str,
    issuer: &Issuer<'static, KeyPair>,
    names: &[&str],
    addresses: &[Ipv4Addr],
) -> Result<(PathBuf, PathBuf)> {
    let mut serving = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
    serving.subject_alt_names.extend(addresses.iter().map(|&address| SanType::IpAddress(address.into())));
    serving.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    sign(folder, name, issuer, &serving)
}

fn sign(
    folder: &Path,
    name: &str,
    issuer: &Issuer<'static, KeyPair>,
    wanted: &CertificateParams,
) -> Result<(PathBuf, PathBuf)> {
    let key = KeyPair::generate()?;
    let certificate = write(folder, &format!("{name}.crt"), &wanted.signed_by(&key, issuer)?.pem())?;
    Ok((certificate, write(folder, &format!("{name}.key"), &key.serialize_pem())?))
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, text)?;
    Ok(path)
}
