namespace PgCluster.Engine.Health;

/// <summary>What failed on a node.</summary>
public enum NodeErrorKind
{
    /// <summary>A read, or a look at it.</summary>
    Read = 0,

    /// <summary>A write.</summary>
    Write,
}
