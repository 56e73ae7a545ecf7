using System.Net;
using PgCluster.Adapters.Grpc;
using PgCluster.Adapters.Peers;
using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Protos.V1;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>Agents and proxies under mutual TLS: clients with the CA's certificate do everything, all others get nothing.</summary>
public sealed class TlsTests(ClusterLab lab) : IClassFixture<ClusterLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task A_failover_runs_under_mutual_TLS_and_a_peer_without_a_certificate_gets_nothing()
    {
        await lab.WaitUntilSoundAsync();
        using var ours = new TestCertificates(IPAddress.Loopback);
        using var others = new TestCertificates(IPAddress.Loopback);
        var server = Readable(ours.Server);
        var environment = new Dictionary<string, string?>
        {
            ["PGCLUSTER_TLS_CA_FILE"] = server.CaFile,
            ["PGCLUSTER_TLS_CERT_FILE"] = server.CertFile,
            ["PGCLUSTER_TLS_KEY_FILE"] = server.KeyFile,
        };
        foreach (var process in lab.Info.Processes.Where(p => p.Name.StartsWith("agent-", StringComparison.Ordinal) || p.Name.StartsWith("proxy-", StringComparison.Ordinal)))
        {
            await lab.KillAsync(process.Name);
            await lab.StartAgainAsync(process.Name, environment);
        }

        await using var cluster = ClusterConnection.Open(lab.Info.ConfigFile, new Dictionary<string, string>
        {
            ["tls.ca_file"] = ours.Client.CaFile,
            ["tls.cert_file"] = ours.Client.CertFile!,
            ["tls.key_file"] = ours.Client.KeyFile!,
        });
        OperationPlan plan = null!;
        await Poll.UntilAsync("a failover may run", async () =>
        {
            plan = await cluster.PlanFailoverAsync(new FailoverRequest(), Token);
            return plan.Steps.Count > 0;
        });
        var report = await cluster.RunFailoverAsync(plan, new FailoverRequest(), null, Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);

        Assert.All(await lab.Cluster.GetNodesAsync(Token), n => Assert.Equal(NodeState.Unreachable, n.State));
        foreach (var tls in (GrpcTlsOptions[])[ours.WithoutCertificate, others.Client with { CaFile = ours.CaFile }])
        {
            using var channel = new GrpcChannel(new Uri($"https://{lab.Config.Nodes[0].Agent}"), new GrpcChannelOptions { Tls = tls });
            var refused = await Assert.ThrowsAsync<GrpcException>(() =>
                channel.UnaryAsync(PeerMethods.GetStatus, new GetStatusRequest(), GrpcCallOptions.None, Token));
            Assert.Equal(GrpcStatusCode.Unavailable, refused.StatusCode);
        }

        // Without the handshake there is not even an answer to refuse with.
        using var http = new HttpClient();
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => http.GetAsync(new Uri($"http://{lab.Config.Nodes[0].Http}/health"), Token));
    }

    /// <summary>Where the user the agents run as can read them, as a service's own key is.</summary>
    private GrpcTlsOptions Readable(GrpcTlsOptions tls)
    {
        string Copy(string file)
        {
            var copy = Path.Combine(lab.Info.Path, Path.GetFileName(file));
            File.Copy(file, copy, overwrite: true);
            (OsAccount.IsRoot ? OsAccount.Find("postgres") : null)?.Own(copy);
            return copy;
        }

        return new GrpcTlsOptions(Copy(tls.CaFile), Copy(tls.CertFile!), Copy(tls.KeyFile!));
    }
}
