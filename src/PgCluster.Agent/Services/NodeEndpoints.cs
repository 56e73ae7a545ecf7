using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using PgCluster.Engine.Nodes;

namespace PgCluster.Agent.Services;

/// <summary>
/// What load balancers and monitoring ask over HTTP: 200 when the answer is yes, 503 when it is no, the state as JSON either way.
/// GET, HEAD and OPTIONS, as HAProxy's checks use them.
/// </summary>
internal sealed class NodeEndpoints(NodeSupervisor node, IReadOnlyList<KeptPooler> poolers, string cluster, string name, string? configFile)
{
    private static readonly string[] Methods = ["GET", "HEAD", "OPTIONS"];
    private readonly double _configHash = HashOf(configFile);

    public void Map(IEndpointRouteBuilder routes)
    {
        Answer(routes, "/health", s => s.State is NodeState.Running or NodeState.NotStreaming);
        Answer(routes, "/primary", s => s is { Role: NodeRole.Primary, State: NodeState.Running });
        Answer(routes, "/replica", s => s is { Role: NodeRole.Standby, State: NodeState.Running });
        routes.MapMethods("/metrics", Methods, async context =>
        {
            context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
            await context.Response.WriteAsync(Metrics(), context.RequestAborted).ConfigureAwait(false);
        });
    }

    /// <summary>First 48 bits of the file's MD5, little-endian: fits a double without loss, and tells machines whose configurations differ. As pgcm's gauge.</summary>
    internal static double HashOf(string? file)
    {
        if (file is null)
        {
            return 0;
        }

#pragma warning disable CA5351 // A fingerprint that users compare with pgcm's; nothing rests on its strength.
        var hash = MD5.HashData(File.ReadAllBytes(file));
#pragma warning restore CA5351
        var value = 0UL;
        for (var i = 5; i >= 0; i--)
        {
            value = (value << 8) | hash[i];
        }

        return value;
    }

    private void Answer(IEndpointRouteBuilder routes, string path, Func<PostgresStatus, bool> yes) => routes.MapMethods(path, Methods, async context =>
    {
        var status = node.LastStatus;
        context.Response.StatusCode = status is not null && yes(status) ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(status is null ? "{}" : node.Describe(status).ToJson(), context.RequestAborted).ConfigureAwait(false);
    });

    private string Metrics()
    {
        var text = new StringBuilder();
        var labels = $"cluster=\"{cluster}\",node=\"{name}\"";
        void Gauge(string metric, string help, double value, string more = "")
        {
            if (!text.ToString().Contains($"# HELP {metric} ", StringComparison.Ordinal))
            {
                text.Append(CultureInfo.InvariantCulture, $"# HELP {metric} {help}\n# TYPE {metric} gauge\n");
            }

            text.Append(CultureInfo.InvariantCulture, $"{metric}{{{labels}{more}}} {value:R}\n");
        }

        var status = node.LastStatus;
        Gauge("pgcluster_postgres_running", "1 when PostgreSQL accepts connections.", status?.State is NodeState.Running or NodeState.NotStreaming ? 1 : 0);
        Gauge("pgcluster_primary", "1 when this node runs as the primary.", status is { Role: NodeRole.Primary, State: NodeState.Running } ? 1 : 0);
        Gauge("pgcluster_streaming", "1 when this standby streams.", status is { Role: NodeRole.Standby, State: NodeState.Running } ? 1 : 0);
        Gauge("pgcluster_timeline", "Timeline of the latest record.", status?.Timeline ?? 0);
        Gauge("pgcluster_lsn_bytes", "Write position of a primary, receive position of a standby, in bytes.", status?.Lsn?.Value ?? 0);
        Gauge("pgcluster_replay_lsn_bytes", "Replay position of a standby, in bytes.", status?.ReplayLsn?.Value ?? 0);
        Gauge("pgcluster_replay_lag_seconds", "Seconds since the last replayed commit while WAL is outstanding.", status?.ReplayLagSeconds ?? 0);
        Gauge("pgcluster_archive_backlog_segments", "WAL segments that wait for the archiver.", status?.ArchiveBacklog ?? 0);
        Gauge("pgcluster_store_reachable", "1 while the node's lease in etcd is alive.", node.StoreReachable ? 1 : 0);
        foreach (var pooler in poolers)
        {
            Gauge("pgcluster_pooler_paused", "1 while this process holds a pause of the pooler.",
                pooler.Keeper.Status.State == PoolerState.Active ? 0 : 1, $",pooler=\"{pooler.Config.Name}\"");
        }

        Gauge("pgcluster_config_hash", "First 48 bits of the MD5 of the configuration file; 0 without a file.", _configHash);
        return text.ToString();
    }
}
