using System.Globalization;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Nodes;

/// <summary>A node's report in the store: under a lease of its agent, of whom there is only one.</summary>
/// <param name="node">The node.</param>
/// <param name="place">Where this agent is, as its reports say.</param>
/// <param name="timeToLive">How long the report outlives the agent.</param>
/// <param name="store">The store.</param>
internal sealed class ReportKey(string node, string place, TimeSpan timeToLive, IClusterStore store) : IAsyncDisposable
{
    /// <summary>The lease; null until the store has answered.</summary>
    public IStoreLease? Lease { get; private set; }

    /// <summary>True while the lease is alive: the store answers.</summary>
    public bool IsAlive => Lease is { Lost.IsCancellationRequested: false };

    /// <summary>Writes a report, under a new lease where the last one is over.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>: another agent works under that name.</exception>
    public async Task PutAsync(NodeReport report, CancellationToken cancellationToken)
    {
        if (Lease is { Lost.IsCancellationRequested: true })
        {
            await DisposeAsync().ConfigureAwait(false);
        }

        if (Lease is null)
        {
            await RefuseSecondAgentAsync(cancellationToken).ConfigureAwait(false);
            Lease = await store.GrantLeaseAsync(timeToLive, cancellationToken).ConfigureAwait(false);
        }

        await store.PutAsync(StoreKeys.Nodes + node, report.ToJson(), Lease, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Withdraws it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Lease is { } lease)
        {
            Lease = null;
            await lease.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task RefuseSecondAgentAsync(CancellationToken cancellationToken)
    {
        var entry = await store.GetAsync(StoreKeys.Nodes + node, cancellationToken).ConfigureAwait(false);
        if (entry is not null && NodeReport.FromJson(entry.Value) is { Place: { } other } && other != place)
        {
            throw new PgClusterException(
                Reason.InvalidConfiguration,
                string.Create(CultureInfo.InvariantCulture, $"another agent works as {node}, at {other}, and this one is at {place}: start each with the name of its own node; where that one has just ended, this one goes on within {timeToLive.TotalSeconds:0.###} s"))
            { Target = node };
        }
    }
}
