using PgCluster.Engine.Store;

namespace PgCluster.Adapters.Etcd;

/// <summary>A key at one revision; all zero when it is absent.</summary>
/// <param name="Value">Its value; null when it is absent.</param>
/// <param name="CreateRevision">Revision of its creation.</param>
/// <param name="ModRevision">Revision of its last write.</param>
/// <param name="Version">Writes since its creation.</param>
/// <param name="Lease">The lease it hangs on; 0 for none.</param>
internal readonly record struct KeyState(string? Value, long CreateRevision, long ModRevision, long Version, long Lease)
{
    /// <summary>True when the key exists.</summary>
    public bool Exists => Value is not null;

    /// <summary>The key as the store's callers see it.</summary>
    public StoreEntry ToEntry(string key) => new(key, Value ?? "", CreateRevision, ModRevision, Version);
}

/// <summary>Some keys, all read at one revision by a linearizable read.</summary>
/// <param name="Revision">That revision.</param>
/// <param name="States">Each key that was asked for.</param>
internal sealed record KeySnapshot(long Revision, IReadOnlyDictionary<string, KeyState> States)
{
    /// <summary>The state of one of the keys.</summary>
    public KeyState this[string key] => States[key];

    /// <summary>Whether all conditions hold here, as etcd itself would find.</summary>
    public bool Satisfies(IReadOnlyList<StoreCondition> conditions) => conditions.All(condition => condition switch
    {
        StoreCondition.Absent => !this[condition.Key].Exists,
        StoreCondition.ModRevisionIs mod => this[condition.Key].ModRevision == mod.ModRevision,
        StoreCondition.CreateRevisionIs create => this[condition.Key].CreateRevision == create.CreateRevision,
        StoreCondition.ValueIs value => this[condition.Key].Value == value.Value,
        _ => throw new PgClusterException(Reason.Internal, $"Unknown condition {condition.GetType().Name}."),
    });

    /// <summary>True when no key was written between the two.</summary>
    public bool IsUntouchedSince(KeySnapshot earlier) =>
        States.All(state => state.Value.ModRevision == earlier[state.Key].ModRevision);
}
