using System.Globalization;
using System.Text.Json;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Maintenance;

/// <summary>
/// The nodes that are out of service, as they stand in the store. One that was asked for a time is under a lease that nobody renews: it ends by the store's own clock, also when
/// everybody has forgotten it.
/// </summary>
public static class NodeSuspensions
{
    private static readonly TimeSpan LongestDrain = TimeSpan.FromDays(1);

    /// <summary>Every node out of service, by name.</summary>
    public static async Task<IReadOnlyDictionary<string, NodeSuspension>> ReadAsync(IClusterStore store, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        return (await store.ListAsync(StoreKeys.SuspendedNodes, cancellationToken).ConfigureAwait(false)).Entries
            .Select(e => FromJson(e.Value)).OfType<NodeSuspension>().ToDictionary(s => s.Name, StringComparer.Ordinal);
    }

    /// <summary>Takes a node out of service, or changes how long and why.</summary>
    public static async Task PutAsync(IClusterStore store, NodeSuspension suspension, TimeSpan? length, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(suspension);
        var key = StoreKeys.SuspendedNodes + suspension.Name;
        if (length is not { } time)
        {
            await store.PutAsync(key, ToJson(suspension), null, cancellationToken).ConfigureAwait(false);
            return;
        }

        var lease = await store.GrantLeaseAsync(time, cancellationToken).ConfigureAwait(false);
        try
        {
            await store.PutAsync(key, ToJson(suspension), lease, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await lease.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        await lease.AbandonAsync().ConfigureAwait(false);
    }

    /// <summary>Puts a node back into service; false when it was.</summary>
    public static Task<bool> DeleteAsync(IClusterStore store, string node, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.DeleteAsync(StoreKeys.SuspendedNodes + node, cancellationToken);
    }

    /// <summary>Refuses a length that would be forgotten, or end before it begins, and a wait that nobody will see the end of.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>.</exception>
    public static void Verify(NodeSuspensionRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.DrainTimeout < TimeSpan.Zero || request.DrainTimeout > LongestDrain)
        {
            throw new PgClusterException(
                Reason.InvalidArgument,
                string.Create(CultureInfo.InvariantCulture, $"a drain can wait for 0 s to {LongestDrain.TotalHours} hours, not for {request.DrainTimeout.TotalSeconds:0.###} s"));
        }

        if (request.Limit is { } limit && (limit < TimeSpan.FromSeconds(1) || limit > LongestDrain))
        {
            throw new PgClusterException(
                Reason.InvalidArgument,
                string.Create(CultureInfo.InvariantCulture, $"a handover can be given 1 s to {LongestDrain.TotalHours} hours, not {limit.TotalSeconds:0.###} s"));
        }

        if (request.Length is { } time && (time < TimeSpan.FromSeconds(1) || time > Suspension.Longest))
        {
            throw new PgClusterException(
                Reason.InvalidArgument,
                string.Create(CultureInfo.InvariantCulture, $"a node can be suspended for 1 s to {Suspension.Longest.TotalDays} days, or without an end, not for {time.TotalSeconds:0.###} s"));
        }
    }

    private static string ToJson(NodeSuspension suspension) => JsonSerializer.Serialize(suspension, EngineJson.Default.NodeSuspension);

    private static NodeSuspension? FromJson(string json) => EngineJson.Read(json, EngineJson.Default.NodeSuspension);
}
