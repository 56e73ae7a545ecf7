namespace PgCluster;

/// <summary>Whether a pooler lets its clients through.</summary>
public enum PoolerState
{
    /// <summary>The pooler or its keeper does not answer.</summary>
    Unreachable = 0,

    /// <summary>Clients are served.</summary>
    Active,

    /// <summary>A pause was asked for and waits for transactions to end; new queries queue already.</summary>
    Pausing,

    /// <summary>Clients wait.</summary>
    Paused,
}
