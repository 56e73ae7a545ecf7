namespace PgCluster.Engine.Rejoin;

/// <summary>How a node becomes a standby again.</summary>
public enum RejoinMethod
{
    /// <summary>Not at all, as things are.</summary>
    Impossible = 0,

    /// <summary>It only follows: nothing of its WAL is in the way.</summary>
    Follow,

    /// <summary>pg_rewind takes back what only this node has.</summary>
    Rewind,

    /// <summary>A new base backup takes the place of its data directory.</summary>
    Clone,
}
