namespace PgCluster;

/// <summary>What a read asks of the node that serves it. Every limit given has to hold.</summary>
public sealed record ReadRequest
{
    /// <summary>Bytes of WAL the primary may have written that the node has not replayed; null for no such limit.</summary>
    public long? MaxLagBytes { get; init; }

    /// <summary>Age of the last replayed commit while WAL is outstanding; null for no such limit.</summary>
    public TimeSpan? MaxLag { get; init; }

    /// <summary>A position the node has to have replayed, to read what was written up to it; null for none.</summary>
    public Lsn? PastLsn { get; init; }

    /// <summary>True for the primary and nothing else.</summary>
    public bool ForcePrimary { get; init; }
}
