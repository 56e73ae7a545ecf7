namespace PgCluster.Engine.Switchover;

/// <summary>Why nothing could be read from a database.</summary>
public enum DatabaseProblem
{
    /// <summary>It was read.</summary>
    None = 0,

    /// <summary>Its URI cannot be used.</summary>
    Uri,

    /// <summary>It does not answer.</summary>
    Unreachable,

    /// <summary>It refuses the role.</summary>
    Denied,
}
