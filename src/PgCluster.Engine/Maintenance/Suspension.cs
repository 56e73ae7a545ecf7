using System.Globalization;
using System.Text.Json;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Maintenance;

/// <summary>
/// Suspends the automatic failover of a cluster and resumes it. What says so in the store is under a lease that nobody renews: it ends by the store's own clock, also when
/// everybody has forgotten it.
/// </summary>
public static class Suspension
{
    /// <summary>Longest suspension accepted.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    /// <summary>The suspension that holds now; null when none does.</summary>
    public static async Task<ClusterSuspension?> ReadAsync(IClusterStore store, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        return FromJson((await store.GetAsync(StoreKeys.Suspended, cancellationToken).ConfigureAwait(false))?.Value);
    }

    /// <summary>Suspends, or changes how long and why.</summary>
    /// <param name="store">The store.</param>
    /// <param name="cluster">The cluster's name.</param>
    /// <param name="owner">user@host of who asks.</param>
    /// <param name="why">Why.</param>
    /// <param name="length">For how long.</param>
    /// <param name="time">The clock of what people are shown.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>.</exception>
    public static async Task<ClusterSuspension> BeginAsync(
        IClusterStore store, string cluster, string owner, string why, TimeSpan length, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(time);
        if (length < TimeSpan.FromSeconds(1) || length > Longest)
        {
            throw new PgClusterException(
                Reason.InvalidArgument,
                string.Create(CultureInfo.InvariantCulture, $"a cluster can be suspended for 1 s to {Longest.TotalDays} days, not for {length.TotalSeconds:0.###} s: it would be forgotten"));
        }

        var now = time.GetUtcNow();
        var suspension = new ClusterSuspension { Cluster = cluster, Owner = owner, Why = why, Since = now, Until = now + length };
        var lease = await store.GrantLeaseAsync(length, cancellationToken).ConfigureAwait(false);
        try
        {
            await store.PutAsync(StoreKeys.Suspended, ToJson(suspension), lease, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await lease.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        await lease.AbandonAsync().ConfigureAwait(false);
        await RecordAsync(store, "suspend", suspension, owner, $"for {length:c}: {why}", time, cancellationToken).ConfigureAwait(false);
        return suspension;
    }

    /// <summary>Resumes; the suspension that ended by this, null when there was none.</summary>
    public static async Task<ClusterSuspension?> EndAsync(IClusterStore store, string actor, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(time);
        var suspension = await ReadAsync(store, cancellationToken).ConfigureAwait(false);
        if (suspension is null || !await store.DeleteAsync(StoreKeys.Suspended, cancellationToken).ConfigureAwait(false))
        {
            return null;
        }

        await RecordAsync(store, "resume", suspension, actor, $"ended what {suspension.Owner} had asked for: {suspension.Why}", time, cancellationToken).ConfigureAwait(false);
        return suspension;
    }

    private static async Task RecordAsync(
        IClusterStore store, string kind, ClusterSuspension suspension, string actor, string why, TimeProvider time, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var report = new OperationReport
        {
            Id = Guid.CreateVersion7(now).ToString("n"),
            Kind = kind,
            Cluster = suspension.Cluster,
            Outcome = OperationOutcome.Succeeded,
            Why = why,
            Actor = actor,
            StartedAt = now,
            Steps = [],
        };
        await OperationHistory.AddAsync(store, report, cancellationToken).ConfigureAwait(false);
    }

    private static string ToJson(ClusterSuspension suspension) => JsonSerializer.Serialize(suspension, EngineJson.Default.ClusterSuspension);

    /// <summary>Reads what stands in the store; null when it is not that.</summary>
    internal static ClusterSuspension? FromJson(string? json) => EngineJson.Read(json, EngineJson.Default.ClusterSuspension);
}
