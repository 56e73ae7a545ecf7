namespace PgCluster.Adapters.Postgres;

/// <summary>How far a rewind of a data directory has come. In every phase but the first it must not be started.</summary>
internal enum RewindPhase
{
    /// <summary>No rewind is under way.</summary>
    None = 0,

    /// <summary>It is shut down in an orderly way first; nothing of the upstream is in it yet.</summary>
    Recovering,

    /// <summary>pg_rewind may have written to it.</summary>
    Rewinding,

    /// <summary>pg_rewind came to its end; the node's own configuration may be missing.</summary>
    Rewound,
}
