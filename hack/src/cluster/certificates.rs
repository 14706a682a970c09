use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};

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
    /// Makes a new authority with one serving certificate for loopback.
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

        let mut serving = CertificateParams::new(vec!["localhost".to_owned(), "kubernetes.default.svc".to_owned()])?;
        serving.subject_alt_names.push(SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
        serving.subject_alt_names.push(SanType::IpAddress(std::net::Ipv4Addr::new(10, 96, 0, 1).into()));
        serving.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server_key = KeyPair::generate()?;
        let server = serving.signed_by(&server_key, &issuer)?;
        let account_key = KeyPair::generate()?;
        Ok(Self {
            ca,
            ca_key,
            server: write(folder, "server.crt", &server.pem())?,
            server_key: write(folder, "server.key", &server_key.serialize_pem())?,
            service_account_key: write(folder, "service-account.key", &account_key.serialize_pem())?,
            service_account_public_key: write(folder, "service-account.pub", &account_key.public_key_pem())?,
            folder: folder.to_owned(),
            issuer,
        })
    }

    /// Writes a kubeconfig for a client certificate with this user name and group.
    pub fn kubeconfig(&self, server: &str, name: &str, user: &str, group: Option<&str>) -> Result<PathBuf> {
        let mut client = CertificateParams::new(Vec::new())?;
        client.distinguished_name.push(DnType::CommonName, user);
        if let Some(group) = group {
            client.distinguished_name.push(DnType::OrganizationName, group);
        }
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let certificate = write(&self.folder, &format!("{name}.crt"), &client.signed_by(&key, &self.issuer)?.pem())?;
        let key = write(&self.folder, &format!("{name}.key"), &key.serialize_pem())?;
        let config = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "genesis",
            "clusters": [{ "name": "genesis", "cluster": { "server": server, "certificate-authority": self.ca } }],
            "users": [{ "name": name, "user": { "client-certificate": certificate, "client-key": key } }],
            "contexts": [{ "name": "genesis", "context": { "cluster": "genesis", "user": name, "namespace": "default" } }],
        });
        write(&self.folder, &format!("{name}.kubeconfig"), &serde_yaml::to_string(&config)?)
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, text)?;
    Ok(path)
}
