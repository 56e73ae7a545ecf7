using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.Grpc;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Etcd;

public sealed class EtcdTlsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Speaks_TLS_with_a_client_certificate()
    {
        var address = EtcdServer.NewAddress();
        using var certificates = new TestCertificates(address);
        await using var server = await EtcdServer.StartAsync(new EtcdServerOptions { Certificates = certificates, Address = address });
        await using var store = await EtcdStore.ConnectAsync(server.ClientOptions(), TimeProvider.System, NullLogger.Instance, Token);
        await using var watch = await store.WatchAsync("/k", isPrefix: false, 0, Token);
        await using var lease = await store.GrantLeaseAsync(TimeSpan.FromSeconds(10), Token);
        await store.PutAsync("/k", "v", lease, Token);
        Assert.Equal("v", (await WatchReader.Read(watch).NextPutAsync()).Value);
        Assert.Contains("/k", await server.ControlAsync("get", "--prefix", "--keys-only", "/"), StringComparison.Ordinal);
        Assert.StartsWith("https://", Assert.Single((await store.GetHealthAsync(Token)).Endpoints).Endpoint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_without_a_certificate_gets_nothing()
    {
        var address = EtcdServer.NewAddress();
        using var certificates = new TestCertificates(address);
        await using var server = await EtcdServer.StartAsync(new EtcdServerOptions { Certificates = certificates, Address = address });
        var error = await Assert.ThrowsAsync<PgClusterException>(() => ConnectAsync(server, certificates.WithoutCertificate));
        Assert.Equal(Reason.AccessDenied, error.Reason);
        Assert.Contains("certificate", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_of_another_authority_is_not_trusted()
    {
        var address = EtcdServer.NewAddress();
        using var certificates = new TestCertificates(address);
        using var others = new TestCertificates(address);
        await using var server = await EtcdServer.StartAsync(new EtcdServerOptions { Certificates = certificates, Address = address });
        var error = await Assert.ThrowsAsync<PgClusterException>(() => ConnectAsync(server, others.Client));
        Assert.Equal(Reason.AccessDenied, error.Reason);
        Assert.Contains(EtcdOptions.NameOf(server.Members[0].ClientUrl), error.Message, StringComparison.Ordinal);
    }

    private static Task<EtcdStore> ConnectAsync(EtcdServer server, GrpcTlsOptions tls) => EtcdStore.ConnectAsync(
        new EtcdOptions { Endpoints = [server.Members[0].ClientUrl], Tls = tls }, TimeProvider.System, NullLogger.Instance, Token);
}
