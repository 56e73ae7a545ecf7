using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PgCluster.Adapters.Grpc;

/// <summary>Reads the files of <see cref="GrpcTlsOptions"/> into what either end of a TLS connection needs.</summary>
public static class GrpcCertificates
{
    /// <summary>The options for connecting: the peer must chain to the CA and its certificate must name the host or address connected to.</summary>
    /// <exception cref="PgClusterException">InvalidConfiguration, with the file in Target: a file is missing or is not what it should be.</exception>
    public static SslClientAuthenticationOptions ForClient(GrpcTlsOptions tls)
    {
        ArgumentNullException.ThrowIfNull(tls);
        return new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = TrustOnly(tls.CaFile),
            ClientCertificateContext = LoadIdentity(tls),
            // A resumed session would skip the check of the certificate files this process was started with.
            AllowTlsResume = false,
        };
    }

    /// <summary>The options for accepting: a peer that shows no certificate of the CA does not get past the handshake.</summary>
    /// <exception cref="PgClusterException">InvalidConfiguration, with the file in Target: a file is missing or is not what it should be.</exception>
    public static SslServerAuthenticationOptions ForServer(GrpcTlsOptions tls)
    {
        ArgumentNullException.ThrowIfNull(tls);
        return new SslServerAuthenticationOptions
        {
            CertificateChainPolicy = TrustOnly(tls.CaFile),
            ServerCertificateContext = LoadIdentity(tls)
                ?? throw Unusable("A server needs a certificate and its key beside the CA file.", tls.CaFile, null),
            ClientCertificateRequired = true,
            AllowTlsResume = false,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
        };
    }

    private static X509ChainPolicy TrustOnly(string caFile)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            // A cluster's own CA publishes no revocation list, and looking for one would hang a handshake on the network.
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        try
        {
            policy.CustomTrustStore.ImportFromPemFile(caFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw Unusable($"The CA file '{caFile}' cannot be read: {e.Message}", caFile, e);
        }

        return policy.CustomTrustStore.Count > 0 ? policy : throw Unusable($"The CA file '{caFile}' holds no PEM certificate.", caFile, null);
    }

    private static SslStreamCertificateContext? LoadIdentity(GrpcTlsOptions tls)
    {
        if (tls.CertFile is null && tls.KeyFile is null)
        {
            return null;
        }

        if (tls.CertFile is null || tls.KeyFile is null)
        {
            string given = tls.CertFile ?? tls.KeyFile!;
            throw Unusable($"A certificate and its key go together; only '{given}' is given.", given, null);
        }

        try
        {
            X509Certificate2 certificate = X509Certificate2.CreateFromPemFile(tls.CertFile, tls.KeyFile);
            if (OperatingSystem.IsWindows())
            {
                // SChannel refuses a key that exists in memory only.
                using X509Certificate2 ephemeral = certificate;
                certificate = X509CertificateLoader.LoadPkcs12(ephemeral.Export(X509ContentType.Pkcs12), null);
            }

            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(tls.CertFile);
            return SslStreamCertificateContext.Create(certificate, chain, offline: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw Unusable($"The certificate '{tls.CertFile}' with the key '{tls.KeyFile}' cannot be used: {e.Message}", tls.CertFile, e);
        }
    }

    private static PgClusterException Unusable(string message, string file, Exception? inner) =>
        new(Reason.InvalidConfiguration, message, inner) { Target = file };
}
