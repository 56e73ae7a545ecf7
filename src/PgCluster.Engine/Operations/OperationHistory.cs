using System.Text.Json;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Operations;

/// <summary>Reports as they stand in the history: JSON under a key that sorts by time.</summary>
public static class OperationHistory
{
    /// <summary>Adds a report to the history of the cluster.</summary>
    public static Task AddAsync(IClusterStore store, OperationReport report, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(report);
        return store.PutAsync(StoreKeys.History + report.Id, ToJson(report), null, cancellationToken);
    }

    /// <summary>Adds a report as far as the store can be reached: the operation is over, and a store that is gone must not turn it into a failure.</summary>
    public static async Task TryAddAsync(IClusterStore store, OperationReport report, TimeSpan timeout, TimeProvider time)
    {
        using var budget = new CancellationTokenSource(timeout, time);
        try
        {
            await AddAsync(store, report, budget.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is PgClusterException or OperationCanceledException)
        {
            // The report is with the caller.
        }
    }

    /// <summary>As JSON.</summary>
    public static string ToJson(OperationReport report) => JsonSerializer.Serialize(report, EngineJson.Default.OperationReport);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static OperationReport? FromJson(string json) => EngineJson.Read(json, EngineJson.Default.OperationReport);
}
