using PgCluster.Engine.Configuration;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Daemons;

/// <summary>Asks every agent, and every proxy that can be asked, for the daemons of its machine.</summary>
public sealed class DaemonObserver(IClusterPeers peers, ClusterConfig config, TimeProvider time)
{
    /// <summary>Whom it asks: each address with what it is, in words.</summary>
    public IReadOnlyDictionary<string, string> Keepers { get; } = config.Nodes.Select(n => (Address: n.Agent.ToString(), Who: $"the agent of {n.Name}"))
        .Concat(config.Poolers.Select(p => (Address: p.Keeper.ToString(), Who: $"the proxy of {p.Name}")))
        .DistinctBy(k => k.Address).ToDictionary(k => k.Address, k => k.Who, StringComparer.Ordinal);

    /// <summary>Asks all at the same time; who does not answer in time is silent.</summary>
    public async Task<DaemonCensus> ObserveAsync(CancellationToken cancellationToken)
    {
        var answers = await Task.WhenAll(Keepers.Keys.Select(keeper => AskAsync(keeper, cancellationToken))).ConfigureAwait(false);
        return new DaemonCensus(
            [
                .. answers.SelectMany(a => a.Daemons.Select(d => new DaemonSighting(d, a.Keeper)))
                    .GroupBy(s => (s.Daemon.Machine, s.Daemon.Name, s.Daemon.Pid, s.Daemon.StartTicks)).Select(same => same.MaxBy(s => s.Daemon.State)!)
                    .OrderBy(s => s.Daemon.Machine, StringComparer.Ordinal).ThenBy(s => s.Daemon.Name, StringComparer.Ordinal).ThenBy(s => s.Daemon.StartedAt),
            ],
            answers.Where(a => a.Error is not null).ToDictionary(a => a.Keeper, a => a.Error!, StringComparer.Ordinal));
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
            return (keeper, [], new PgClusterException(Reason.AgentUnreachable, $"{Keepers[keeper]} at {keeper} does not answer", e) { Target = keeper });
        }
    }
}
