using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Tests.Integration.Grpc;

/// <summary>A certificate authority of one test, with its files.</summary>
internal sealed class TestAuthority : IDisposable
{
    private static readonly DateTimeOffset From = DateTimeOffset.UtcNow.AddHours(-1);

    private readonly string _folder = Directory.CreateTempSubdirectory("pgcluster-ca-").FullName;
    private readonly X509Certificate2 _authority;
    private int _issued;

    internal TestAuthority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _authority = request.CreateSelfSigned(From, From.AddDays(2));
        CaFile = Write("ca.pem", _authority.ExportCertificatePem());
    }

    internal string CaFile { get; }

    /// <summary>A certificate for 127.0.0.1, good for both ends, unless another address or name is asked for.</summary>
    internal GrpcTlsOptions Issue(string host = "127.0.0.1")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(host, out IPAddress? address))
        {
            names.AddIpAddress(address);
        }
        else
        {
            names.AddDnsName(host);
        }

        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_authority, true, false));
        int number = ++_issued;
        using X509Certificate2 certificate = request.Create(_authority, From, From.AddDays(1), [1, (byte)number]);
        return new GrpcTlsOptions(
            CaFile,
            Write($"cert{number}.pem", certificate.ExportCertificatePem()),
            Write($"key{number}.pem", key.ExportPkcs8PrivateKeyPem()));
    }

    internal string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
