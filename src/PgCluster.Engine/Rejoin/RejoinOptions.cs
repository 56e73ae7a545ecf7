namespace PgCluster.Engine.Rejoin;

/// <summary>What may be done to bring a node back.</summary>
public sealed record RejoinOptions
{
    /// <summary>pg_rewind may be used.</summary>
    public bool AllowRewind { get; init; } = true;

    /// <summary>A new base backup may replace the data directory, when nothing less helps.</summary>
    public bool AllowClone { get; init; } = true;

    /// <summary>A person asked for a new base backup whatever is there, a data directory of another cluster included.</summary>
    public bool CloneAnyway { get; init; }

    /// <summary>What would be discarded is kept beside the data directory.</summary>
    public bool KeepCopy { get; init; }
}
