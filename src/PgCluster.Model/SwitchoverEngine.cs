namespace PgCluster;

/// <summary>How a switchover carries data from the source to the target.</summary>
public enum SwitchoverEngine
{
    /// <summary>Logical where the servers and rights allow it, otherwise the change log.</summary>
    Auto = 0,

    /// <summary>PostgreSQL's own publication and subscription.</summary>
    Logical,

    /// <summary>Triggers that log the keys of changed rows, and syncs that bring those rows over: for servers without logical replication.</summary>
    Changelog,
}
