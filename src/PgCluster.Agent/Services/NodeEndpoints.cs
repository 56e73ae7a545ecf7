using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using PgCluster.Engine.Health;
using PgCluster.Engine.Nodes;

namespace PgCluster.Agent.Services;

/// <summary>
/// What load balancers and monitoring ask over HTTP: 200 when the answer is yes, 503 when it is no, the state as JSON either way.
/// GET, HEAD and OPTIONS, as HAProxy's checks use them.
/// </summary>
internal sealed class NodeEndpoints(
    INodeWatch node, IReadOnlyList<KeptPooler> poolers, HealthMonitor monitor, HealthGauges gauges, string cluster, string name, string? configFile)
{
    private static readonly string[] Methods = ["GET", "HEAD", "OPTIONS"];
    private readonly double _configHash = HashOf(configFile);

    /// <summary>As the agent judges it: a server of another cluster is no primary and no replica of this one.</summary>
    private PostgresStatus? Status => node.LastStatus is { } last ? node.Describe(last).Postgres : null;

    public void Map(IEndpointRouteBuilder routes)
    {
        Answer(routes, "/health", s => s.State is NodeState.Running or NodeState.NotStreaming);
        Answer(routes, "/primary", s => s is { Role: NodeRole.Primary, State: NodeState.Running });
        Answer(routes, "/replica", s => s is { Role: NodeRole.Standby, State: NodeState.Running } && !node.IsSuspended, "lag");
        routes.MapMethods("/metrics", Methods, async context =>
        {
            context.Response.ContentType = PrometheusText.ContentType;
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

    /// <summary>Answers by the server's state; where the path has a parameter for it, also by its lag: every limit given has to hold.</summary>
    private void Answer(IEndpointRouteBuilder routes, string path, Func<PostgresStatus, bool> yes, string? lag = null) => routes.MapMethods(path, Methods, async context =>
    {
        var asked = lag is null ? [] : context.Request.Query[lag].Select(text => (Text: text ?? "", Limit: LagLimit.TryParse(text ?? ""))).ToArray();
        if (asked.FirstOrDefault(a => a.Limit is null).Text is { } bad)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.WriteAsync($"{lag}={bad} is no limit; expected {LagLimit.Expected}\n", context.RequestAborted).ConfigureAwait(false);
            return;
        }

        var status = Status;
        var holds = status is not null && yes(status) && asked.All(a => a.Limit!.Holds(status, monitor.PrimaryLsn));
        context.Response.StatusCode = holds ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(node.LastStatus is { } last ? node.Describe(last).ToJson() : "{}", context.RequestAborted).ConfigureAwait(false);
    });

    private string Metrics()
    {
        var text = new PrometheusText($"cluster=\"{cluster}\",node=\"{name}\"");
        var status = Status;
        text.Gauge("pgcluster_postgres_running", "1 when PostgreSQL accepts connections.", status?.State is NodeState.Running or NodeState.NotStreaming ? 1 : 0);
        text.Gauge("pgcluster_primary", "1 when this node runs as the primary.", status is { Role: NodeRole.Primary, State: NodeState.Running } ? 1 : 0);
        text.Gauge("pgcluster_streaming", "1 when this standby streams.", status is { Role: NodeRole.Standby, State: NodeState.Running } ? 1 : 0);
        text.Gauge("pgcluster_timeline", "Timeline of the latest record.", status?.Timeline ?? 0);
        text.Gauge("pgcluster_lsn_bytes", "Write position of a primary, receive position of a standby, in bytes.", status?.Lsn?.Value ?? 0);
        text.Gauge("pgcluster_replay_lsn_bytes", "Replay position of a standby, in bytes.", status?.ReplayLsn?.Value ?? 0);
        text.Gauge("pgcluster_replay_lag_seconds", "Seconds since the last replayed commit while WAL is outstanding.", status?.ReplayLagSeconds ?? 0);
        text.Gauge("pgcluster_archive_backlog_segments", "WAL segments that wait for the archiver.", status?.ArchiveBacklog ?? 0);
        text.Gauge("pgcluster_suspended", "1 while the node is out of service.", node.IsSuspended ? 1 : 0);
        text.Gauge("pgcluster_store_reachable", "1 while the node's lease in etcd is alive.", node.StoreReachable ? 1 : 0);
        foreach (var pooler in poolers)
        {
            text.Gauge("pgcluster_pooler_paused", "1 while this process holds a pause of the pooler.",
                pooler.Keeper.Status.State == PoolerState.Active ? 0 : 1, $",pooler=\"{pooler.Config.Name}\"");
        }

        gauges.AddTo(text);
        text.Gauge("pgcluster_config_hash", "First 48 bits of the MD5 of the configuration file; 0 without a file.", _configHash);
        return text.ToString();
    }
}
