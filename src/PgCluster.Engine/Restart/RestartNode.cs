using PgCluster.Engine.Nodes;

namespace PgCluster.Engine.Restart;

/// <summary>A node, as far as the order of restarts depends on it.</summary>
/// <param name="Name">The node.</param>
/// <param name="IsPrimary">True for the primary.</param>
/// <param name="IsSynchronous">True for a standby that commits wait for.</param>
/// <param name="Limits">Its <see cref="PostgresStatus.HotStandbyLimits"/>.</param>
/// <param name="Pending">Its settings that wait for a restart.</param>
public sealed record RestartNode(
    string Name, bool IsPrimary, bool IsSynchronous, IReadOnlyDictionary<string, long> Limits, IReadOnlyList<PendingSetting> Pending)
{
    /// <summary>A setting's value, before or after a restart; null when unknown.</summary>
    public long? Limit(string name, bool restarted) =>
        restarted && Pending.FirstOrDefault(p => p.Name == name) is { } pending
            ? long.TryParse(pending.NewValue, out var coming) ? coming : null
            : Limits.TryGetValue(name, out var now) ? now : null;
}
