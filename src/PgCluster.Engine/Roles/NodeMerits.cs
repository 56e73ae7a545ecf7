namespace PgCluster.Engine.Roles;

/// <summary>What the order of preference looks at. What is not at stake is left out, and is then equal for all.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="FailureDomain">Rack, zone or site; a node without one is a domain of its own.</param>
/// <param name="Weight">The administrator's preference; higher is taken first.</param>
public readonly record struct NodeMerits(string Name, string FailureDomain, int Weight)
{
    /// <summary>Timeline of its latest record, where WAL is at stake.</summary>
    public int Timeline { get; init; }

    /// <summary>What it has received, where WAL is at stake.</summary>
    public Lsn Received { get; init; }

    /// <summary>How commits wait for it.</summary>
    public SyncState SyncState { get; init; }

    /// <summary>Bytes it has left to replay; null when unknown or of no matter.</summary>
    public long? LagBytes { get; init; }

    /// <summary>True when it streams already, where others would have to begin.</summary>
    public bool Streams { get; init; }
}
