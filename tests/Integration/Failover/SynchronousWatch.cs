using PgCluster.Adapters.Process;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Synchronous;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>What a primary enforces, what is on record, and standbys that are lost and come back.</summary>
internal static class SynchronousWatch
{
    /// <summary>The list of a node's PostgreSQL.</summary>
    public static async Task<SynchronousList> ListOfAsync(this ClusterLab lab, string node) =>
        SynchronousList.Parse((await lab.Peers.Node(node).GetStatusAsync(ClusterLab.Token)).Postgres.SynchronousStandbyNames);

    /// <summary>What stands on record.</summary>
    public static async Task<SynchronousPolicyRecord?> RecordedAsync(this ClusterLab lab) =>
        SynchronousPolicyRecord.FromJson((await lab.Store.GetAsync(StoreKeys.Synchronous, ClusterLab.Token))?.Value);

    /// <summary>Until the primary enforces a list like this, it alone is on record, and the record says the same.</summary>
    public static async Task<SynchronousList> WaitForListAsync(this ClusterLab lab, string primary, string what, Func<SynchronousList, bool> isIt, bool settled = true)
    {
        var list = SynchronousList.None;
        await Poll.UntilAsync(what, async () =>
        {
            list = await lab.ListOfAsync(primary);
            var recorded = await lab.RecordedAsync();
            Assert.Contains(recorded!.InForce, p => p.Count == list.Count && p.Standbys.SequenceEqual(list.Standbys));
            return isIt(list) && (!settled || recorded is { Previous: null });
        });
        return list;
    }

    /// <summary>Kills a standby's PostgreSQL, and its agent does nothing about it until what is returned is disposed.</summary>
    public static IDisposable Lose(this ClusterLab lab, string node)
    {
        var agent = lab.Process("agent-" + node);
        agent.Signal(UnixSignal.Stop);
        lab.Postmaster(node).Signal(UnixSignal.Kill);
        return new Frozen(agent);
    }

    private sealed class Frozen(ProcessIdentity agent) : IDisposable
    {
        public void Dispose() => agent.Signal(UnixSignal.Continue);
    }
}
