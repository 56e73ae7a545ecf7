using System.Net;
using PgCluster.Adapters.Grpc;
using PgCluster.Playground;

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
        using var authority = new CertificateAuthority(TimeProvider.System, "test authority");
        File.WriteAllText(CaFile, authority.Certificate);
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

    private void Issue(CertificateAuthority authority, string name, IPAddress[] hosts)
    {
        var (certificate, key) = authority.Issue(name, hosts);
        File.WriteAllText(PathOf($"{name}.crt"), certificate);
        File.WriteAllText(PathOf($"{name}.key"), key);
    }
}
