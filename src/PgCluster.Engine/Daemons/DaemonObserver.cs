using PgCluster.Engine.Configuration;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Daemons;

/// <summary>Asks every agent, and every proxy that can be asked, for the daemons of its machine.</summary>
public sealed class DaemonObserver(IClusterPeers peers, ClusterConfig config, TimeProvider time)
{
    /// <summary>Whom it asks, each address once.</summary>
    private readonly string[] _keepers = [.. config.Nodes.Select(n => n.Agent.ToString()).Concat(config.Poolers.Select(p => p.Keeper.ToString())).Distinct(StringComparer.Ordinal)];

    /// <summary>Asks all at the same time; who does not answer in time is silent.</summary>
    public async Task<DaemonCensus> ObserveAsync(CancellationToken cancellationToken)
    {
        var answers = await Task.WhenAll(_keepers.Select(keeper => AskAsync(keeper, cancellationToken))).ConfigureAwait(false);
        return new DaemonCensus(
            [
                .. answers.SelectMany(a => a.Daemons.Select(d => new DaemonSighting(d, a.Keeper)))
                    .GroupBy(s => (s.Daemon.Machine, s.Daemon.Name, s.Daemon.Pid, s.Daemon.StartTicks)).Select(same => same.MaxBy(s => s.Daemon.State)!)
                    .OrderBy(s => s.Daemon.Machine, StringComparer.Ordinal).ThenBy(s => s.Daemon.Name, StringComparer.Ordinal).ThenBy(s => s.Daemon.StartedAt),
            ],
            [.. answers.Select(a => a.Error).OfType<PgClusterException>()]);
    }

    private async Task<(string Keeper, IReadOnlyList<ClusterDaemon> Daemons, PgClusterException? Error)> AskAsync(string keeper, CancellationToken cancellationToken)
    {
        using var budget = new CancellationTokenSource(config.Failover.HealthCheckTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        try
        {
            return (keeper, await peers.Daemons(keeper).ListAsync(either.Token).ConfigureAwait(false), null);
        }
        catch (PgClusterException e)
        {
            return (keeper, [], e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            return (keeper, [], new PgClusterException(Reason.AgentUnreachable, $"the daemon at {keeper} does not answer", e) { Target = keeper });
        }
    }
}
