namespace PgCluster;

/// <summary>How a node is to become a standby again.</summary>
public enum RepairMethod
{
    /// <summary>The least that helps: follow, else rewind, else a new copy.</summary>
    Auto = 0,

    /// <summary>It only follows: refused when WAL of its own is in the way.</summary>
    Follow,

    /// <summary>pg_rewind takes back what only this node has; no new copy when that does not help.</summary>
    Rewind,

    /// <summary>A new base backup takes the place of its data directory, whatever is there.</summary>
    Clone,
}
