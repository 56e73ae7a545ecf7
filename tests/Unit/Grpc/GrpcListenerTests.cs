using Microsoft.AspNetCore.Server.Kestrel.Core;
using PgCluster.Adapters.Grpc;
using PgCluster.Agent.Grpc;

namespace PgCluster.Tests.Unit.Grpc;

public sealed class GrpcListenerTests
{
    [Theory]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    [InlineData("192.0.2.1")]
    public void An_address_others_can_reach_is_not_bound_without_TLS(string host)
    {
        PgClusterException error = Assert.Throws<PgClusterException>(() => new KestrelServerOptions().ListenGrpc(host, 8080, null));

        Assert.Equal(Reason.InvalidConfiguration, error.Reason);
        Assert.Equal(host, error.Target);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.0.0.7")]
    [InlineData("::1")]
    [InlineData("localhost")]
    public void Loopback_goes_without(string host) => new KestrelServerOptions().ListenGrpc(host, 8080, null);

    [Fact]
    public void A_name_nobody_knows_is_a_configuration_error() =>
        Assert.Equal(
            Reason.InvalidConfiguration,
            Assert.Throws<PgClusterException>(() => new KestrelServerOptions().ListenGrpc("no such host", 8080, null)).Reason);

    [Fact]
    public void Certificate_files_that_cannot_be_used_are_named()
    {
        string folder = Directory.CreateTempSubdirectory("pgcluster-unit-").FullName;
        try
        {
            string missing = Path.Combine(folder, "missing.pem");
            string empty = Path.Combine(folder, "empty.pem");
            string damaged = Path.Combine(folder, "damaged.pem");
            File.WriteAllText(empty, "");
            File.WriteAllText(damaged, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");

            foreach (string file in new[] { missing, empty, damaged })
            {
                PgClusterException error = Assert.Throws<PgClusterException>(() => GrpcCertificates.ForClient(new(file, null, null)));
                Assert.Equal(Reason.InvalidConfiguration, error.Reason);
                Assert.Equal(file, error.Target);
                Assert.Contains(file, error.Message, StringComparison.Ordinal);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void TLS_options_are_not_dropped_for_a_plain_address() =>
        Assert.Throws<ArgumentException>(
            () => new GrpcChannel(new Uri("http://127.0.0.1:1"), new GrpcChannelOptions { Tls = new("ca.pem", null, null) }));

    [Fact]
    public void Only_http_addresses_make_a_channel() =>
        Assert.Throws<ArgumentException>(() => new GrpcChannel(new Uri("ftp://127.0.0.1"), new GrpcChannelOptions()));
}
