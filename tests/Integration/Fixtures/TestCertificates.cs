using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Tests.Integration.Fixtures;

/// <summary>A certificate authority of its own, with a certificate for servers on loopback and one for clients, as PEM files.</summary>
public sealed class TestCertificates : IDisposable
{
    private readonly string _directory;

    /// <summary>Makes the authority and both certificates.</summary>
    /// <param name="hosts">Addresses the server's certificate is for, beside localhost.</param>
    public TestCertificates(params IPAddress[] hosts)
    {
        _directory = Directory.CreateTempSubdirectory("pgcluster-ca-").FullName;
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test authority", authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using var authority = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddHours(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        File.WriteAllText(CaFile, authority.ExportCertificatePem());
        Issue(authority, "server", hosts);
        Issue(authority, "client", []);
    }

    /// <summary>What a client of this authority connects with.</summary>
    public GrpcTlsOptions Client => new(CaFile, PathOf("client.crt"), PathOf("client.key"));

    /// <summary>What a server of this authority listens with.</summary>
    public GrpcTlsOptions Server => new(CaFile, PathOf("server.crt"), PathOf("server.key"));

    /// <summary>What a client without a certificate connects with.</summary>
    public GrpcTlsOptions WithoutCertificate => new(CaFile, null, null);

    /// <summary>The authority's own certificate.</summary>
    public string CaFile => PathOf("ca.crt");

    internal IReadOnlyList<string> EtcdArguments =>
    [
        "--cert-file", PathOf("server.crt"), "--key-file", PathOf("server.key"), "--trusted-ca-file", CaFile, "--client-cert-auth",
    ];

    internal IReadOnlyList<string> ControlArguments =>
        [$"--cacert={CaFile}", $"--cert={PathOf("client.crt")}", $"--key={PathOf("client.key")}"];

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private string PathOf(string file) => Path.Combine(_directory, file);

    private void Issue(X509Certificate2 authority, string name, IPAddress[] hosts)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        foreach (var host in hosts)
        {
            names.AddIpAddress(host);
        }

        request.CertificateExtensions.Add(names.Build());
        var serial = new byte[8];
        Random.Shared.NextBytes(serial);
        serial[0] &= 0x7f;
        using var certificate = request.Create(authority, authority.NotBefore, authority.NotAfter, serial);
        File.WriteAllText(PathOf($"{name}.crt"), certificate.ExportCertificatePem());
        File.WriteAllText(PathOf($"{name}.key"), key.ExportPkcs8PrivateKeyPem());
    }
}
