using System.Text.Json.Nodes;
using PgCluster.Adapters.Grpc;
using PgCluster.Tests.Integration.Grpc.Wire;

namespace PgCluster.Tests.Integration.Grpc;

/// <summary>Mutual TLS, with each end once ours and once that of grpc-js.</summary>
[Collection(GrpcJsTests.Name)]
public sealed class TlsAgainstGrpcJsTests : IDisposable
{
    private readonly GrpcJs _js;
    private readonly TestAuthority _ours = new("ours");
    private readonly TestAuthority _theirs = new("theirs");

    public TlsAgainstGrpcJsTests(GrpcJs js)
    {
        js.Require();
        _js = js;
    }

    public void Dispose()
    {
        _ours.Dispose();
        _theirs.Dispose();
    }

    [Theory]
    [InlineData("ours", true)]
    [InlineData("none", false)]
    [InlineData("theirs", false)]
    public async Task Our_client_is_accepted_by_its_certificate(string shows, bool accepted)
    {
        await using GrpcJsProcess server = await GrpcJs.StartServerAsync(_ours.Issue());
        using var channel = new GrpcChannel(new Uri($"https://127.0.0.1:{server.Port}"), new GrpcChannelOptions { Tls = Client(shows) });

        Task<EchoReply> call = channel.UnaryAsync(
            EchoMethods.Say, new EchoRequest { Text = "in" }, GrpcCallOptions.None, TestContext.Current.CancellationToken);

        if (accepted)
        {
            Assert.Equal("in", (await call).Text);
        }
        else
        {
            Assert.Equal(GrpcStatusCode.Unavailable, (await Assert.ThrowsAsync<GrpcException>(() => call)).StatusCode);
        }
    }

    [Theory]
    [InlineData("ours", true)]
    [InlineData("none", false)]
    [InlineData("theirs", false)]
    public async Task Our_server_accepts_a_client_by_its_certificate(string shows, bool accepted)
    {
        await using EchoServer server = await EchoServer.StartAsync(_ours.Issue());

        JsonNode seen = await _js.RunClientAsync(server.HostAndPort, "unary", tls: Client(shows));

        Assert.Equal(accepted ? "grüß dich" : null, (string?)seen["text"]);
    }

    [Fact]
    public async Task Our_client_refuses_a_server_of_another_authority()
    {
        await using GrpcJsProcess server = await GrpcJs.StartServerAsync(_theirs.Issue());
        using var channel = new GrpcChannel(
            new Uri($"https://127.0.0.1:{server.Port}"), new GrpcChannelOptions { Tls = _ours.Issue() });

        GrpcException error = await Assert.ThrowsAsync<GrpcException>(
            () => channel.UnaryAsync(EchoMethods.Say, new EchoRequest(), GrpcCallOptions.None, TestContext.Current.CancellationToken));

        Assert.Equal(GrpcStatusCode.Unavailable, error.StatusCode);
    }

    private GrpcTlsOptions Client(string shows) => shows switch
    {
        "ours" => _ours.Issue(),
        "theirs" => _theirs.Issue() with { CaFile = _ours.CaFile },
        _ => new GrpcTlsOptions(_ours.CaFile, null, null),
    };
}
