using Npgsql;
using PgCluster.Engine.Topology;
using PgCluster.Playground;

namespace PgCluster.Bench.Hosts;

/// <summary>
/// Whether a cluster is as it should be: one primary, every other node streams from it on its timeline, one of them synchronously, all poolers lead
/// to it and none is paused, nobody holds the lock, and etcd names it. What agents say is checked against the primary itself, and the application can commit.
/// </summary>
internal static class SoundCheck
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(10);

    /// <summary>Who is what when all is well; null and what is amiss otherwise.</summary>
    public static async Task<(SoundRoles? Roles, string Amiss)> LookAsync(HostCluster cluster, CancellationToken cancellationToken)
    {
        using var budget = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        budget.CancelAfter(Budget);
        try
        {
            var summary = await cluster.Client.GetClusterAsync(budget.Token);
            var nodes = await cluster.Client.GetNodesAsync(budget.Token);
            var poolers = await cluster.Client.GetPoolersAsync(budget.Token);
            var all = string.Join("; ", nodes.Select(n => $"{n.Name} {n.Role} {n.State} {n.SyncState} timeline {n.Timeline} from {n.Upstream ?? "-"}"));
            if (nodes.Where(n => n is { Role: NodeRole.Primary, State: NodeState.Running }).ToList() is not [var primary])
            {
                return (null, $"not one primary: {all}");
            }

            var standbys = nodes.Where(n => n is { Role: NodeRole.Standby, State: NodeState.Running } && n.Upstream == primary.Name && n.Timeline == primary.Timeline).ToList();
            var address = $"{primary.Host}:{primary.Port}";
            if (standbys.Count != nodes.Count - 1)
            {
                return (null, $"not all stream from {primary.Name}: {all}");
            }

            if (standbys.FirstOrDefault(n => n.SyncState is SyncState.Sync or SyncState.Quorum) is not { } synchronous)
            {
                return (null, $"nobody is synchronous: {all}");
            }

            if (poolers.FirstOrDefault(p => p.State != PoolerState.Active || p.PointsTo != address) is { } wrong)
            {
                return (null, $"pooler {wrong.Name} is {wrong.State} and leads to {wrong.PointsTo ?? "nobody"}, not to {address} {wrong.Evidence}");
            }

            if (summary.LockHolder is { } holder)
            {
                return (null, $"the lock is held by {holder}");
            }

            if (summary.PrimaryAddress is null || !PrimaryAddress.TryParse(summary.PrimaryAddress, out var named) || $"{named.Host}:{named.Port}" != address)
            {
                return (null, $"etcd names {summary.PrimaryAddress ?? "nobody"}, not {address}");
            }

            await cluster.CommitAsync(budget.Token);
            var streaming = await CountStreamingAsync(primary.Host, budget.Token);
            return streaming == nodes.Count - 1
                ? (new SoundRoles(primary.Name, synchronous.Name, standbys.First(n => n != synchronous).Name, primary.Timeline), "")
                : (null, $"{primary.Name} itself says that {streaming} stream from it");
        }
        catch (PgClusterException e)
        {
            return (null, e.Message);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            return (null, "the application cannot commit, or the primary does not answer: " + e.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, $"no answer within {Budget.TotalSeconds} s");
        }
    }

    /// <summary>How many of the cluster's nodes a server itself says stream from it.</summary>
    public static async Task<long> CountStreamingAsync(string address, CancellationToken cancellationToken)
    {
        await using var source = DirectSource.Open(address, "postgres", TimeSpan.FromSeconds(2));
        await using var command = source.CreateCommand("select count(*) from pg_stat_replication where state = 'streaming' and application_name like 'pg0%'");
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }
}
