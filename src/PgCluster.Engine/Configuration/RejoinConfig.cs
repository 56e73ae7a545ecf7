namespace PgCluster.Engine.Configuration;

/// <summary>What an agent may do by itself to bring its node back as a standby.</summary>
public sealed record RejoinConfig
{
    /// <summary>True when WAL that only this node has may be taken back (pg_rewind).</summary>
    public bool Rewind { get; init; } = true;

    /// <summary>True when a new base backup may replace the data directory, where nothing less helps.</summary>
    public bool BaseBackup { get; init; } = true;

    /// <summary>True when what is discarded is kept beside the data directory.</summary>
    public bool KeepCopy { get; init; }

    /// <summary>True when every server keeps WAL for every other node in a physical replication slot, and standbys stream through theirs.</summary>
    public bool Slots { get; init; } = true;

    /// <summary>Bytes of WAL that the leader keeps for a node which does not stream; beyond that its slot is dropped.</summary>
    public long SlotWalLimit { get; init; } = 16L << 30;
}
