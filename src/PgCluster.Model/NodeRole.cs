namespace PgCluster;

/// <summary>What a PostgreSQL server is in its cluster.</summary>
public enum NodeRole
{
    /// <summary>Not known: the server or its agent does not answer.</summary>
    Unknown = 0,

    /// <summary>Takes writes: not in recovery.</summary>
    Primary,

    /// <summary>In recovery: replays what the primary wrote.</summary>
    Standby,
}
