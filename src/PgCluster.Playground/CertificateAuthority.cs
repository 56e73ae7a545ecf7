using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PgCluster.Playground;

/// <summary>A certificate authority that signs for as long as it is in memory; its own key is never written.</summary>
internal sealed class CertificateAuthority : IDisposable
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(3650);

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _authority;

    internal CertificateAuthority(TimeProvider time, string name)
    {
        var request = new CertificateRequest(NameOf(name), _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _authority = request.CreateSelfSigned(time.GetUtcNow().AddHours(-1), time.GetUtcNow() + Lifetime);
    }

    /// <summary>Its own certificate, as PEM.</summary>
    internal string Certificate => _authority.ExportCertificatePem();

    /// <summary>A certificate for servers and clients, and its key, as PEM.</summary>
    /// <param name="name">Whose it is.</param>
    /// <param name="hosts">Addresses it is for, beside this machine's own.</param>
    internal (string Certificate, string Key) Issue(string name, IReadOnlyList<IPAddress> hosts)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(NameOf(name), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        foreach (var host in hosts.Prepend(IPAddress.Loopback))
        {
            names.AddIpAddress(host);
        }

        request.CertificateExtensions.Add(names.Build());
        var serial = RandomNumberGenerator.GetBytes(8);
        serial[0] &= 0x7f;
        using var certificate = request.Create(_authority, _authority.NotBefore, _authority.NotAfter, serial);
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    private static X500DistinguishedName NameOf(string name)
    {
        var builder = new X500DistinguishedNameBuilder();
        builder.AddCommonName(name);
        return builder.Build();
    }

    public void Dispose()
    {
        _authority.Dispose();
        _key.Dispose();
    }
}
